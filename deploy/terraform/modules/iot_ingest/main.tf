# Trucks by AWS IoT Core: a rule takes what a truck publishes, without a broker's price for each message
# (basic ingest), and puts it into the device stream. From there a Lambda takes many at once,
# validates them as every ingest endpoint does, and puts them into the main stream, one record per truck.

locals {
  # Of letters, digits and underscores.
  rule_name = "${replace(var.name, "-", "_")}_telemetry"
}

# Each message is a record here: 1,000 per second and shard. Nothing else reads it.
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
  description = "What trucks publish, into a stream"
  enabled     = true
  sql         = trimspace(file("${path.module}/rules/telemetry.sql"))
  sql_version = "2016-03-23"

  # The topic without its prefix is trucks/{truck_id}/telemetry.
  kinesis {
    stream_name   = aws_kinesis_stream.this.name
    partition_key = "$${topic(2)}"
    role_arn      = module.rule_role.arn
  }

  # The truck has its PUBACK by then: what the stream did not accept is kept here, to be put again.
  error_action {
    sqs {
      queue_url  = aws_sqs_queue.failed.url
      role_arn   = module.rule_role.arn
      use_base64 = false
    }
  }

  depends_on = [module.rule_role]
}

# A standard queue: IoT Core writes to no other.
resource "aws_sqs_queue" "failed" {
  name                       = var.queue_name
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 300
  sqs_managed_sse_enabled    = true
}

module "rule_role" {
  source = "../role"

  name           = "${var.name}-iot-rule"
  description    = "What the rule of trucks' messages may do"
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

  # A record here is about 1 kB of the 6 MB that an invocation takes. One second's messages at once are
  # the most that fit under the 2 s in which a status is due.
  batch_size                         = 5000
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = var.parallelization_factor

  # A batch that ends the Lambda is halved until the record at fault is alone. Attempts have no limit; a
  # record not processed within half of the stream's retention is set aside, with its payload.
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

