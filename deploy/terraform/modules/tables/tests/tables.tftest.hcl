mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  point_in_time_recovery = true
  deletion_protection    = true
  tables = {
    things = {
      name          = "rtdts-test-things"
      hash_key      = "id"
      range_key     = "version"
      attributes    = { id = "S", version = "N", owner = "S" }
      ttl_attribute = "expires_at_s"
      indexes = {
        by-owner = { hash_key = "owner", range_key = null, projection_type = "KEYS_ONLY", included = [] }
        by-more  = { hash_key = "owner", range_key = "version", projection_type = "INCLUDE", included = ["status"] }
      }
    }
  }
}

run "as_declared" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.this["things"].hash_key == "id" && aws_dynamodb_table.this["things"].range_key == "version"
    error_message = "Its keys."
  }

  assert {
    condition     = { for index in aws_dynamodb_table.this["things"].global_secondary_index : index.name => index.projection_type } == { by-owner = "KEYS_ONLY", by-more = "INCLUDE" }
    error_message = "Its indexes."
  }

  assert {
    condition     = one(aws_dynamodb_table.this["things"].ttl).attribute_name == "expires_at_s"
    error_message = "Its expiry."
  }

  assert {
    condition     = aws_dynamodb_table.this["things"].point_in_time_recovery[0].enabled && aws_dynamodb_table.this["things"].deletion_protection_enabled
    error_message = "Its protection."
  }

  assert {
    condition     = aws_dynamodb_table.this["things"].billing_mode == "PAY_PER_REQUEST"
    error_message = "Nobody has to guess its load."
  }
}

run "two_tables_have_two_names" {
  command = plan

  variables {
    tables = {
      a = { name = "same", hash_key = "id", attributes = { id = "S" } }
      b = { name = "same", hash_key = "id", attributes = { id = "S" } }
    }
  }

  expect_failures = [var.tables]
}

run "a_key_of_no_type_that_a_key_can_have" {
  command = plan

  variables {
    tables = {
      a = { name = "a", hash_key = "id", attributes = { id = "BOOL" } }
    }
  }

  expect_failures = [var.tables]
}
