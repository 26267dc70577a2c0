# The operators' commands: a container that runs only when an operator starts it
# (`python -m deploy.run_operation`). It runs in the VPC, because OpenSearch is there.

module "operations" {
  source = "../container"

  name                 = "${var.name}-operations"
  account              = var.account
  image                = "${aws_ecr_repository.this["operations"].repository_url}:${var.image_tags.operations}"
  image_repository_arn = aws_ecr_repository.this["operations"].arn
  task_role_arn        = module.container_role["operations"].arn
  environment          = local.container_environments["operations"]
  required_environment = local.container_requirements["operations"]
  stop_timeout_s       = 30 # an interrupted command can be run again
  cpu                  = 1024
  # An object of the backup has at most 64 MB compressed, and ten times that after decompression and parsing.
  memory_mb          = 4096
  cpu_architecture   = var.cpu_architecture
  log_retention_days = var.retention.log_days
}

locals {
  # Erasure reads and deletes. Replay only puts records into the streams, and reads the main stream's retention.
  operations_statements = concat([for statement in [
    { sid = "DeviceMessages", actions = ["kinesis:PutRecords"], resources = [local.arns.device_messages] },
    { sid = "FailedDeviceMessages", actions = ["sqs:DeleteMessage", "sqs:ReceiveMessage"], resources = [local.arns.failed_messages] },
    ] : statement if var.iot_ingest != null], [
    {
      sid       = "Replay"
      actions   = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]
      resources = [local.arns.stream]
    },
    {
      sid       = "Buckets"
      actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
      resources = [module.parked.arn, module.raw_backup.arn]
    },
    {
      sid       = "Parked"
      actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"]
      resources = ["${module.parked.arn}/rejected/*"]
    },
    {
      sid       = "SetAside"
      actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
      resources = ["${module.parked.arn}/aws/lambda/*"]
    },
    {
      sid     = "Backup"
      actions = ["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
      resources = [
        "${module.raw_backup.arn}/points/*",
        "${module.raw_backup.arn}/failed/*",
      ]
    },
    {
      sid       = "Deliveries"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"]
      resources = [local.arns.table["deliveries"]]
    },
    {
      sid       = "OfCustomer"
      actions   = ["dynamodb:Query"]
      resources = ["${local.arns.table["deliveries"]}/index/by-customer"]
    },
    {
      sid       = "Log"
      actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query"]
      resources = [local.arns.table["delivery_events"]]
    },
    {
      sid       = "Matches"
      actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources = [local.arns.table["truck_matches"]]
    },
    {
      sid = "Subscriptions"
      actions = [
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
        "dynamodb:Scan",
      ]
      resources = [local.arns.table["subscriptions"]]
    },
    {
      sid       = "Shares"
      actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query"]
      resources = [local.arns.table["delivery_shares"]]
    },
    {
      sid       = "Tickets"
      actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Scan"]
      resources = [local.arns.table["socket_tickets"]]
    },
    {
      sid       = "Blocks"
      actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan"]
      resources = [local.arns.table["blocked_identities"]]
    },
    {
      sid       = "Devices"
      actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan"]
      resources = [local.arns.table["device_credentials"]]
    },
    {
      sid       = "Positions"
      actions   = ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpPost"]
      resources = [local.arns.domain_paths]
    },
  ])
}
