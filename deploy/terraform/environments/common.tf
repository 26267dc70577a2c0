# Shared by all environments: each has a symbolic link to this file. An environment's main.tf has its own values,
# and defines the locals environment, issuer, audience and sim_settings.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "rtdts"
      environment = local.environment
      managed-by  = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account = {
    id        = data.aws_caller_identity.current.account_id
    region    = var.region
    partition = data.aws_partition.current.partition
  }

  # By letter instead of from AWS's list: a new zone in the list must not move any subnet.
  availability_zones = [for letter in var.zone_letters : "${var.region}${letter}"]

  project         = "${path.module}/../../../.."
  packages_folder = coalesce(var.packages_folder, "${local.project}/build/lambdas/production")

  # A page may call the API only if its origin is allowed. Without a domain, the page has CloudFront's host name,
  # which is known only after an apply: add it to allowed_origins by hand.
  page_origins    = try(["https://${var.web.domain.name}"], [])
  allowed_origins = distinct(concat(var.allowed_origins, local.page_origins))

  web = {
    ServerURL    = module.system.server_url
    WebSocketURL = module.system.websocket_url
  }
  sim = merge(local.web, local.sim_settings, { ISSUER = local.issuer, AUDIENCE = local.audience })
}

module "web" {
  source = "../../modules/web"
  count  = var.web == null ? 0 : 1

  name          = "${var.name}-web"
  bucket_name   = "${var.name}-web-${local.account.id}"
  pages_folder  = coalesce(var.pages_folder, "${local.project}/web/dist")
  headers_file  = "${local.project}/web/headers.json"
  server_url    = module.system.server_url
  websocket_url = module.system.websocket_url
  map           = try(var.web.map, null)
  map_origins   = try(var.web.map_origins, [])
  sign_in       = try(var.web.sign_in, null)
  domain        = try(var.web.domain, null)
}

# The system's URLs, for programs on this machine. sim/.env may contain the test issuer's secret, so only its owner
# can read it.
resource "local_sensitive_file" "sim" {
  filename        = "${local.project}/sim/.env"
  content         = join("", [for name, value in local.sim : "${name}=${value}\n"])
  file_permission = "0600"
}

resource "local_file" "web" {
  filename        = "${local.project}/web/.env"
  content         = join("", [for name, value in local.web : "${name}=${value}\n"])
  file_permission = "0644"
}
