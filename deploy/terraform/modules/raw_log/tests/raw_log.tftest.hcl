mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name               = "rtdts-test-raw-log"
  stream_arn         = "arn:aws:kinesis:eu-central-1:123456789012:stream/s"
  domain_arn         = "arn:aws:es:eu-central-1:123456789012:domain/d"
  role_arn           = "arn:aws:iam::123456789012:role/r"
  index_prefix       = "truck-raw"
  backup_bucket_arn  = "arn:aws:s3:::b"
  subnet_ids         = ["subnet-1"]
  security_group_id  = "sg-1"
  log_retention_days = 7
}

run "a_daily_index_and_a_backup_of_everything" {
  command = apply

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.opensearch_configuration[0].index_rotation_period == "OneDay" && aws_kinesis_firehose_delivery_stream.this.opensearch_configuration[0].index_name == "truck-raw"
    error_message = "truck-raw-YYYY-MM-DD."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.opensearch_configuration[0].s3_backup_mode == "AllDocuments"
    error_message = "A lost index can be put back."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.opensearch_configuration[0].cloudwatch_logging_options[0].enabled
    error_message = "What goes wrong is told."
  }
}

run "firehose_waits_a_quarter_of_an_hour_at_most" {
  command = plan

  variables {
    buffering_interval_s = 1000
  }

  expect_failures = [var.buffering_interval_s]
}

run "firehose_holds_a_hundred_megabytes_at_most" {
  command = plan

  variables {
    buffering_size_mb = 128
  }

  expect_failures = [var.buffering_size_mb]
}
