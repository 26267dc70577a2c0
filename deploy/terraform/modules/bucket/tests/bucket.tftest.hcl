mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name               = "rtdts-test-parked-123456789012"
  expires_after_days = 30
  force_destroy      = false
}

run "private_encrypted_and_not_for_ever" {
  command = apply

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "Private."
  }

  assert {
    condition     = strcontains(aws_s3_bucket_policy.this.policy, "aws:SecureTransport")
    error_message = "Encrypted on the way."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].expiration[0].days == 30
    error_message = "Not for ever."
  }
}

run "names_are_s3s" {
  command = plan

  variables {
    name = "Parked_Records"
  }

  expect_failures = [var.name]
}

run "not_for_ever_means_a_day_at_least" {
  command = plan

  variables {
    expires_after_days = 0
  }

  expect_failures = [var.expires_after_days]
}
