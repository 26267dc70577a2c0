# Production: three zones, protected from loss, and the company's own identity provider.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "rtdts"
      environment = "prod"
      managed-by  = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # By name and not as AWS lists them: a zone that is new to the list must move no subnet.
  availability_zones = [for letter in var.zone_letters : "${var.region}${letter}"]

  project         = "${path.module}/../../../.."
  packages_folder = coalesce(var.packages_folder, "${local.project}/build/lambdas/production")
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
    availability_zones  = local.availability_zones
    nat_gateways        = var.nat_gateways
    interface_endpoints = var.interface_endpoints
  }

  stream = {
    shard_count     = var.shard_count
    retention_hours = var.stream_retention_hours
  }

  search = {
    engine_version        = var.opensearch_engine_version
    instance_type         = var.search_nodes.instance_type
    instance_count        = var.search_nodes.count
    zones                 = 3
    volume_gb             = var.search_nodes.volume_gb
    dedicated_master_type = var.search_nodes.dedicated_master_type
    shards                = var.search_nodes.shards
  }

  protection = {
    point_in_time_recovery = true
    deletion_protection    = true
  }

  retention = var.retention

  identity = {
    issuer   = var.issuer
    audience = var.audience
    claim    = var.identity_claim
  }

  http_throttle   = var.http_throttle
  socket_throttle = var.socket_throttle

  reserved_concurrency = var.reserved_concurrency
  allowed_origins = var.allowed_origins
  domains         = var.domains

  consumer    = var.consumer
  broadcaster = var.broadcaster

  container_insights = true
  cpu_architecture   = var.cpu_architecture
  image_tags         = var.image_tags
  packages_folder    = local.packages_folder
  settings           = var.settings
  region_singletons  = var.region_singletons
  alarms             = var.alarms
}

module "env_files" {
  source = "../../modules/env_files"

  sim_file = coalesce(var.sim_env_file, "${local.project}/sim/.env")
  web_file = coalesce(var.web_env_file, "${local.project}/web/.env")

  sim = {
    ServerURL    = module.system.server_url
    WebSocketURL = module.system.websocket_url
    ISSUER       = var.issuer
    AUDIENCE     = var.audience
  }

  web = {
    ServerURL    = module.system.server_url
    WebSocketURL = module.system.websocket_url
  }
}
