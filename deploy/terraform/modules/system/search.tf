# OpenSearch, prepared before anything writes to it.

module "search" {
  source = "../search"

  name                  = var.name
  engine_version        = var.search.engine_version
  instance_type         = var.search.instance_type
  instance_count        = var.search.instance_count
  dedicated_master_type = var.search.dedicated_master_type
  volume_gb             = var.search.volume_gb
  subnet_ids            = slice(module.network.private_subnet_ids, 0, var.search.zones)
  security_group_id     = module.network.security_group_ids["search"]
  admin_role_arn        = module.function["search-admin"].role_arn
  client_role_arns = [
    module.raw_log_role.arn,
    module.container_role["consumer"].arn,
    module.container_role["broadcaster"].arn,
    module.function["track"].role_arn,
    module.container_role["operations"].arn,
  ]
  account            = var.account
  log_retention_days = var.retention.log_days

  depends_on = [aws_iam_service_linked_role.opensearch]
}

locals {
  # By name: the domain wants the roles, and their policies the domain.
  domain_arn = "arn:${var.account.partition}:es:${var.account.region}:${var.account.id}:domain/${var.name}"
}

# Invoked again when its code or its settings change; a failure fails the apply.
resource "aws_lambda_invocation" "prepare_search" {
  function_name = module.function["search-admin"].name
  input         = jsonencode({})

  triggers = {
    code        = module.function["search-admin"].source_code_hash
    environment = sha256(jsonencode(local.function_environments["search-admin"]))
    engine      = var.search.engine_version
  }
}

module "raw_log_role" {
  source = "../role"

  name           = "${var.name}-raw-log"
  description    = "What Firehose may do for the raw log"
  service        = "firehose.amazonaws.com"
  for_account_id = var.account.id
  statements     = local.statements.raw_log
}

module "raw_log" {
  source = "../raw_log"

  name               = local.raw_log_name
  stream_arn         = aws_kinesis_stream.telemetry.arn
  domain_arn         = module.search.arn
  role_arn           = module.raw_log_role.arn
  index_prefix       = "truck-raw"
  backup_bucket_arn  = module.raw_backup.arn
  subnet_ids         = slice(module.network.private_subnet_ids, 0, var.search.zones)
  security_group_id  = module.network.security_group_ids["firehose"]
  log_retention_days = var.retention.log_days

  # The module of the role, so that its policy is there too.
  depends_on = [aws_lambda_invocation.prepare_search, module.raw_log_role]
}
