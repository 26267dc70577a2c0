mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name            = "rtdts-test-telemetry"
  retention_hours = 24
}

run "provisioned" {
  command = apply

  variables {
    shard_count = 4
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this.shard_count == 4
    error_message = "Shards by choice."
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS"
    error_message = "Where people are is nobody else's business."
  }
}

run "on_demand" {
  command = apply

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.this.shard_count == null
    error_message = "Without a number it is on demand."
  }
}

run "kinesis_keeps_a_day_at_least" {
  command = plan

  variables {
    retention_hours = 12
  }

  expect_failures = [var.retention_hours]
}

run "a_stream_without_shards" {
  command = plan

  variables {
    shard_count = 0
  }

  expect_failures = [var.shard_count]
}
