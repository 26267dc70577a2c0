# Development: one small instance of each part, which a destroy removes completely, and a test issuer.

locals {
  environment = "dev"
  definitions = jsondecode(file("${local.packages_folder}/definitions.json"))
  issuer      = terraform_data.test_issuer_url.output
  audience    = "rtdts"

  sim_settings = {
    TOKEN_URL    = "${local.issuer}/token"
    TOKEN_SECRET = random_password.test_issuer.result
  }
}

module "system" {
  source = "../../modules/system"

  name    = var.name
  account = local.account

  network = {
    availability_zones = local.availability_zones
    # Containers run in public subnets, because a single NAT gateway would cost more than all of them.
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
    issuer   = local.issuer
    audience = local.audience
  }

  http_throttle   = { requests_per_second = 200, burst = 400 }
  socket_throttle = { requests_per_second = 200, burst = 400 }

  # A tenth of the account's quota, because several developers may share the account.
  gateway_requests_per_second = 1000

  allowed_origins = local.allowed_origins
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

  iot_ingest  = var.iot_ingest
  mqtt_bridge = var.mqtt_bridge

  container_insights = false
  cpu_architecture   = var.cpu_architecture
  image_tags         = var.image_tags
  packages_folder    = local.packages_folder
  settings           = var.settings
  region_singletons  = var.region_singletons
  alarms             = var.alarms
}

# Notifies by mail at half the budget, and if the forecast exceeds the budget. AWS requires an address for each
# notification.
resource "aws_budgets_budget" "month" {
  count = length(var.budget_emails) > 0 ? 1 : 0

  name         = "${var.name}-month"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"

  dynamic "notification" {
    for_each = { ACTUAL = 50, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.budget_emails
    }
  }
}
