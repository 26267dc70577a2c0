# The complete system. An arrow is a dependency: the resources on its left are created first.
#
#   network, stream, tables, queues, buckets
#   roles → domain → templates, retention, roles in the domain (search_admin_lambda)
#         → Firehose, consumer, broadcaster → the HTTP API's routes
#
# Firehose reads only records that arrive after it was created. So it must exist before the first point is
# accepted: otherwise that point would be missing from the raw log.

locals {
  definitions = jsondecode(file("${var.packages_folder}/definitions.json"))

  # Prefixes of ARNs. Policies compose ARNs from names, because the resource may not exist yet.
  arn = {
    for service in ["dynamodb", "es", "kinesis", "logs", "sqs"] :
    service => "arn:${var.account.partition}:${service}:${var.account.region}:${var.account.id}"
  }

  # Names instead of the module's outputs, which would be a cycle: iot_ingest needs the functions, and the
  # functions' permissions need its stream and queue.
  device_messages = { stream_name = "${var.name}-device-messages", queue_name = "${var.name}-failed-device-messages" }
}

module "network" {
  source = "../network"

  name                = var.name
  region              = var.account.region
  availability_zones  = var.network.availability_zones
  cidr_block          = var.network.cidr_block
  nat_gateways        = var.network.nat_gateways
  interface_endpoints = var.network.interface_endpoints
}

# A request with points gets its response only after the points are in this stream.
resource "aws_kinesis_stream" "telemetry" {
  name             = "${var.name}-telemetry"
  retention_period = var.stream.retention_hours
  shard_count      = var.stream.shard_count
  encryption_type  = "KMS"
  # The AWS managed key: producers and consumers need no KMS permissions.
  kms_key_id = "alias/aws/kinesis"

  # A destroy also deletes consumers with enhanced fan-out; otherwise it would fail.
  enforce_consumer_deletion = true

  stream_mode_details {
    stream_mode = var.stream.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

module "iot_ingest" {
  source = "../iot_ingest"
  count  = var.iot_ingest == null ? 0 : 1

  name                   = var.name
  account                = var.account
  function_names         = { for key in keys(local.iot_functions) : key => module.function[key].name }
  hook_arn               = module.function["iot-enrollment"].arn
  stream_name            = local.device_messages.stream_name
  queue_name             = local.device_messages.queue_name
  given_up_bucket_arn    = module.parked.arn
  shard_count            = var.iot_ingest.shard_count
  retention_hours        = var.stream.retention_hours
  parallelization_factor = var.iot_ingest.parallelization_factor
}

module "parked" {
  source = "../bucket"

  name               = "${var.name}-parked-${var.account.id}"
  expires_after_days = var.retention.parked_days
  force_destroy      = !var.protection.deletion_protection
}

module "raw_backup" {
  source = "../bucket"

  name               = "${var.name}-raw-backup-${var.account.id}"
  expires_after_days = var.retention.raw_backup_days
  force_destroy      = !var.protection.deletion_protection
}
