# The raw log: Firehose reads the stream, takes aggregated records apart, and writes each point to
# the index of its day of arrival. All of it goes to S3 too, from where it can be put back.

locals {
  log_streams = { index = "index", backup = "backup" }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_stream" "this" {
  for_each = local.log_streams

  name           = each.value
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  name        = var.name
  destination = "opensearch"

  kinesis_source_configuration {
    kinesis_stream_arn = var.stream_arn
    role_arn           = var.role_arn
  }

  opensearch_configuration {
    domain_arn            = var.domain_arn
    role_arn              = var.role_arn
    index_name            = var.index_prefix
    index_rotation_period = "OneDay"
    buffering_interval    = 60 # seconds that a point may wait
    buffering_size        = 5  # MB that are written at once
    retry_duration        = 300
    s3_backup_mode        = "AllDocuments"

    # OpenSearch makes the ids: Firehose's own would cost an update each, and a point that comes
    # twice is in the raw log twice.
    document_id_options {
      default_document_id_format = "NO_DOCUMENT_ID"
    }

    vpc_config {
      subnet_ids         = var.subnet_ids
      security_group_ids = [var.security_group_id]
      role_arn           = var.role_arn
    }

    s3_configuration {
      bucket_arn          = var.backup_bucket_arn
      role_arn            = var.role_arn
      prefix              = "points/"
      error_output_prefix = "failed/"
      buffering_interval  = 300
      buffering_size      = 64
      compression_format  = "GZIP"

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.this.name
        log_stream_name = aws_cloudwatch_log_stream.this["backup"].name
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.this.name
      log_stream_name = aws_cloudwatch_log_stream.this["index"].name
    }
  }
}
