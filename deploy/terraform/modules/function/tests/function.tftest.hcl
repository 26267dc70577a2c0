mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test-ingest"
  account_id         = "123456789012"
  description        = "for a test"
  package_file       = "../../testing/packages/ingest.zip"
  handler            = "ingest_lambda.handler.lambda_handler"
  runtime            = "python3.13"
  timeout_s          = 28
  environment        = { STREAM_NAME = "s" }
  log_retention_days = 7
  statements         = [{ sid = "Put", actions = ["kinesis:PutRecords"], resources = ["arn:aws:kinesis:eu-central-1:123456789012:stream/s"] }]
}

run "required_settings_must_be_set" {
  command = plan

  variables {
    required_environment = ["STREAM_NAME", "ANOTHER"]
  }

  expect_failures = [aws_lambda_function.this]
}
