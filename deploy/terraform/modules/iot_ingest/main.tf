# Ingest over AWS IoT Core. Trucks publish directly to a rule, which avoids the broker's price per message (basic
# ingest). The rule writes each message to the device stream. A Lambda reads many messages at once, validates them
# like every ingest endpoint, and puts them into the main stream, with one record per truck.

locals {
  # A rule's name allows only letters, digits and underscores.
  rule_name = "${replace(var.name, "-", "_")}_telemetry"
}

# Each message is one record, so a shard accepts 1,000 messages per second. Only the Lambda reads this stream.
resource "aws_kinesis_stream" "this" {
  name                      = var.stream_name
  shard_count               = var.shard_count
  retention_period          = var.retention_hours
  encryption_type           = "KMS"
  kms_key_id                = "alias/aws/kinesis"
  enforce_consumer_deletion = true

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
}

resource "aws_iot_topic_rule" "telemetry" {
  name        = local.rule_name
  description = "Writes trucks' messages to a stream"
  enabled     = true
  sql         = trimspace(file("${path.module}/rules/telemetry.sql"))
  sql_version = "2016-03-23"

  # The topic without its prefix is trucks/{truck_id}/telemetry.
  kinesis {
    stream_name   = aws_kinesis_stream.this.name
    partition_key = "$${topic(2)}"
    role_arn      = module.rule_role.arn
  }

  # If a write fails, the truck already has its PUBACK. So this queue keeps the message, for an operator to replay.
  error_action {
    sqs {
      queue_url  = aws_sqs_queue.failed.url
      role_arn   = module.rule_role.arn
      use_base64 = false
    }
  }

  depends_on = [module.rule_role]
}

# A standard queue, because IoT Core can't write to a FIFO queue.
resource "aws_sqs_queue" "failed" {
  name                       = var.queue_name
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 300
  sqs_managed_sse_enabled    = true
}

module "rule_role" {
  source = "../role"

  name           = "${var.name}-iot-rule"
  description    = "Lets the rule write trucks' messages"
  service        = "iot.amazonaws.com"
  for_account_id = var.account.id

  statements = [
    { sid = "Stream", actions = ["kinesis:PutRecord"], resources = [aws_kinesis_stream.this.arn] },
    { sid = "Failed", actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.failed.arn] },
  ]
}

resource "aws_lambda_event_source_mapping" "this" {
  function_name     = var.function_names["iot"]
  event_source_arn  = aws_kinesis_stream.this.arn
  starting_position = "TRIM_HORIZON"

  # A record has about 1 kB, and an invocation accepts 6 MB. The window is 1 s, because a status is due within 2 s.
  batch_size                         = 5000
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = var.parallelization_factor

  # If a batch crashes the Lambda, it is halved until the record that causes the crash is alone. Retries have no
  # limit, but a record that is not processed within half of the stream's retention is set aside with its payload.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = -1
  maximum_record_age_in_seconds  = min(604800, var.retention_hours * 1800)

  destination_config {
    on_failure {
      destination_arn = var.given_up_bucket_arn
    }
  }

  metrics_config {
    metrics = ["EventCount"]
  }
}
