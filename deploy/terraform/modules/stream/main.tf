# The stream of points: what was accepted is in here before the truck hears of it.

resource "aws_kinesis_stream" "this" {
  name             = var.name
  retention_period = var.retention_hours
  shard_count      = var.shard_count
  encryption_type  = "KMS"
  # The account's own key: producers and consumers need no right of their own for it.
  kms_key_id = "alias/aws/kinesis"

  # A consumer with enhanced fan-out must not keep a destroy from ending.
  enforce_consumer_deletion = true

  stream_mode_details {
    stream_mode = var.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}
