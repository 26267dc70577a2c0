# Development: everything once and small, gone without a trace after a destroy, with an issuer of
# tokens for tests.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "rtdts"
      environment = "dev"
      managed-by  = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # By name and not as AWS lists them: a zone that is new to the list must move no subnet.
  availability_zones = [for letter in var.zone_letters : "${var.region}${letter}"]

  definitions     = jsondecode(file("${path.module}/../../generated/definitions.json"))
  project         = "${path.module}/../../../.."
  packages_folder = coalesce(var.packages_folder, "${local.project}/build/lambdas/production")
  audience        = "rtdts"
}

module "test_issuer" {
  source = "../../modules/test_issuer"

  name               = "${var.name}-test-issuer"
  audience           = local.audience
  package_file       = "${local.packages_folder}/test-issuer.zip"
  runtime            = local.definitions.runtime
  definition         = local.definitions.functions["test-issuer"]
  routes             = local.definitions.test_issuer_routes
  log_retention_days = 7
}

module "system" {
  source = "../../modules/system"

  name = var.name
  account = {
    id        = data.aws_caller_identity.current.account_id
    region    = var.region
    partition = data.aws_partition.current.partition
  }

  network = {
    availability_zones = local.availability_zones
    # Containers in public subnets: a NAT gateway alone would cost more than all of them.
    nat_gateways = 0
  }

  stream = {
    shard_count     = 1
    retention_hours = 24
  }

  search = {
    engine_version = var.opensearch_engine_version
    instance_type  = "t3.small.search"
    instance_count = 1
    zones          = 1
    volume_gb      = 20
  }

  protection = {
    point_in_time_recovery = false
    deletion_protection    = false
  }

  retention = {
    raw_days               = 3
    positions_days         = 14
    raw_backup_days        = 14
    parked_days            = 30
    log_days               = 7
    closed_deliveries_days = 30
  }

  identity = {
    issuer   = module.test_issuer.url
    audience = local.audience
  }

  http_throttle   = { requests_per_second = 200, burst = 400 }
  socket_throttle = { requests_per_second = 200, burst = 400 }
  allowed_origins = var.allowed_origins
  domains         = var.domains

  consumer = {
    cpu       = 512
    memory_mb = 2048
    min_tasks = 1
    max_tasks = 1
  }

  broadcaster = {
    cpu       = 256
    memory_mb = 1024
    min_tasks = 1
    max_tasks = 1
  }

  container_insights = false
  cpu_architecture   = var.cpu_architecture
  image_tags         = var.image_tags
  packages_folder    = local.packages_folder
  settings           = var.settings
  region_singletons  = var.region_singletons
  alarms             = var.alarms
}

# AWS makes no notification without an address.
module "budget" {
  source = "../../modules/budget"
  count  = length(var.budget_emails) > 0 ? 1 : 0

  name              = "${var.name}-month"
  monthly_limit_usd = var.monthly_budget_usd
  emails            = var.budget_emails
}

module "env_files" {
  source = "../../modules/env_files"

  sim_file = coalesce(var.sim_env_file, "${local.project}/sim/.env")
  web_file = coalesce(var.web_env_file, "${local.project}/web/.env")

  sim = {
    ServerURL    = module.system.server_url
    WebSocketURL = module.system.websocket_url
    ISSUER       = module.test_issuer.url
    AUDIENCE     = local.audience
    TOKEN_URL    = module.test_issuer.token_url
    TOKEN_SECRET = module.test_issuer.secret
  }

  web = {
    ServerURL    = module.system.server_url
    WebSocketURL = module.system.websocket_url
  }
}
