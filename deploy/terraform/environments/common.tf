# What every environment has in common; each has a link to this file. Each says in its main.tf what
# differs, and as locals: environment, issuer, audience, and sim's further settings.

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

  # By name and not as AWS lists them: a zone that is new to the list must move no subnet.
  availability_zones = [for letter in var.zone_letters : "${var.region}${letter}"]

  project         = "${path.module}/../../../.."
  packages_folder = coalesce(var.packages_folder, "${local.project}/build/lambdas/production")

  # Browsers on the page may call the API once its origin is allowed; CloudFront's name is known only
  # after an apply, and then goes into allowed_origins by hand.
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

# Where the system is, for its use from this machine. sim's file may hold the test issuer's
# secret: for its owner's eyes.
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
