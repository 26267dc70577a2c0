# The raw log. Firehose reads the stream, de-aggregates its records, and writes each point to the index of the
# day on which the point arrived. It also writes every point to S3, from where points can be replayed.

locals {
  raw_log_name = "${var.name}-raw-log"
}

module "raw_log_role" {
  source = "../role"

  name           = local.raw_log_name
  description    = "What Firehose may do for the raw log"
  service        = "firehose.amazonaws.com"
  for_account_id = var.account.id
  statements     = local.statements.raw_log
}

resource "aws_cloudwatch_log_group" "raw_log" {
  name              = "/aws/kinesisfirehose/${local.raw_log_name}"
  retention_in_days = var.retention.log_days
}

resource "aws_cloudwatch_log_stream" "raw_log" {
  for_each = toset(["index", "backup"])

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.raw_log.name
}

resource "aws_kinesis_firehose_delivery_stream" "raw_log" {
  name        = local.raw_log_name
  destination = "opensearch"

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.telemetry.arn
    role_arn           = module.raw_log_role.arn
  }

  opensearch_configuration {
    domain_arn            = aws_opensearch_domain.this.arn
    role_arn              = module.raw_log_role.arn
    index_name            = "truck-raw"
    index_rotation_period = "OneDay"
    buffering_interval    = 60 # seconds
    buffering_size        = 5  # MB
    retry_duration        = 300
    s3_backup_mode        = "AllDocuments"

    # OpenSearch generates the document ids: with ids of Firehose, each write would be an update. So a point that
    # is delivered twice is in the raw log twice.
    document_id_options {
      default_document_id_format = "NO_DOCUMENT_ID"
    }

    vpc_config {
      subnet_ids         = local.search_subnet_ids
      security_group_ids = [module.network.security_group_ids["firehose"]]
      role_arn           = module.raw_log_role.arn
    }

    s3_configuration {
      bucket_arn          = module.raw_backup.arn
      role_arn            = module.raw_log_role.arn
      prefix              = "points/"
      error_output_prefix = "failed/"
      buffering_interval  = 300
      buffering_size      = 64
      compression_format  = "GZIP"

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.raw_log.name
        log_stream_name = aws_cloudwatch_log_stream.raw_log["backup"].name
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.raw_log.name
      log_stream_name = aws_cloudwatch_log_stream.raw_log["index"].name
    }
  }

  # The role's module, so that the role's policy exists too.
  depends_on = [aws_lambda_invocation.prepare_search, module.raw_log_role]
}
