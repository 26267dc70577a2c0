# Production: three zones, protection against data loss, and the company's own identity provider.

locals {
  environment  = "prod"
  issuer       = var.issuer
  audience     = var.audience
  sim_settings = {} # production has no test issuer
}

module "system" {
  source = "../../modules/system"

  name    = var.name
  account = local.account

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
    issuer   = local.issuer
    audience = local.audience
    claim    = var.identity_claim
  }

  http_throttle   = var.http_throttle
  socket_throttle = var.socket_throttle

  gateway_requests_per_second = var.gateway_requests_per_second

  reserved_concurrency = var.reserved_concurrency
  allowed_origins      = local.allowed_origins
  domains              = var.domains

  edge                      = var.edge
  edge_requests_per_address = var.edge_requests_per_address

  consumer    = var.consumer
  broadcaster = var.broadcaster

  iot_ingest  = var.iot_ingest
  mqtt_bridge = var.mqtt_bridge

  container_insights = true
  cpu_architecture   = var.cpu_architecture
  image_tags         = var.image_tags
  packages_folder    = local.packages_folder
  settings           = var.settings
  region_singletons  = var.region_singletons
  alarms             = var.alarms
}
