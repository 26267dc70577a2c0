# The Lambdas, and the APIs in front of them. A Lambda behind a gateway has a timeout below the gateway's
# 29 s, so that the Lambda responds before the gateway times out.

locals {
  functions = merge({ for key, function in local.iot_functions : key => function if var.iot_ingest != null }, {
    ingest = {
      description = "Ingests trucks' points"
      timeout_s   = 28
      # It waits for the stream more than it computes, and more memory would make waiting more expensive.
      memory_mb = 512
    }
    delivery = {
      description = "Manages deliveries, shares and tickets"
      timeout_s   = 20
    }
    socket = {
      description = "Handles viewers' sockets"
      timeout_s   = 20
    }
    socket-authorizer = {
      description = "Authorizes sockets"
      timeout_s   = 10
    }
    track = {
      description = "Returns trucks' history to the back office"
      timeout_s   = 20
    }
    search-admin = {
      description = "Prepares OpenSearch: templates, retention, roles"
      timeout_s   = 300
      memory_mb   = 256
    }
  })

  iot_functions = {
    iot = {
      description = "Ingests messages from IoT Core"
      # How long it may wait for the main stream. Messages that are not processed by then are delivered again.
      timeout_s = 60
    }
    iot-enrollment = {
      description = "Decides whether a box gets a truck's certificate"
      # How long IoT Core waits for a provisioning hook.
      timeout_s = 5
    }
  }

  # Functions in the VPC, because they use OpenSearch. track also needs DynamoDB, so it has the tasks' group.
  function_networks = {
    for key, group in { track = "tasks", search-admin = "search_admin" } :
    key => { subnet_ids = module.network.private_subnet_ids, security_group_ids = [module.network.security_group_ids[group]] }
  }
}

module "function" {
  source   = "../function"
  for_each = local.functions

  name                 = "${var.name}-${each.key}"
  account_id           = var.account.id
  description          = each.value.description
  package_file         = "${var.packages_folder}/${each.key}.zip"
  handler              = local.definitions.functions[each.key].handler
  runtime              = local.definitions.runtime
  timeout_s            = each.value.timeout_s
  memory_mb            = lookup(each.value, "memory_mb", 512)
  reserved_concurrency = lookup(var.reserved_concurrency, each.key, -1)
  environment          = local.function_environments[each.key]
  required_environment = local.function_requirements[each.key]
  statements           = local.statements[each.key]
  network              = lookup(local.function_networks, each.key, null)
  log_retention_days   = var.retention.log_days
}

module "http_api" {
  source = "../http_api"

  name     = "${var.name}-http"
  issuer   = var.identity.issuer
  audience = var.identity.audience

  functions = {
    for key, routes in local.definitions.http_routes : key => {
      name       = module.function[key].name
      invoke_arn = module.function[key].invoke_arn
      routes     = routes

      open_routes = lookup(local.definitions.open_http_routes, key, [])
    }
  }

  throttle           = var.http_throttle
  has_own_domain     = var.domains != null
  allowed_origins    = var.allowed_origins
  pages              = local.definitions.pages
  log_retention_days = var.retention.log_days

  # Created last, because points arrive through the HTTP API.
  depends_on = [aws_kinesis_firehose_delivery_stream.raw_log, module.consumer, module.broadcaster]
}

module "socket_api" {
  source = "../socket_api"

  name                       = "${var.name}-socket"
  route_selection_expression = local.definitions.socket.route_selection_expression
  routes                     = local.definitions.socket.routes
  authorized_route           = local.definitions.socket.authorized_route
  handler                    = { name = module.function["socket"].name, invoke_arn = module.function["socket"].invoke_arn }
  authorizer = {
    name       = module.function["socket-authorizer"].name
    invoke_arn = module.function["socket-authorizer"].invoke_arn
  }
  throttle           = var.socket_throttle
  access_logs        = var.region_singletons.api_gateway_log_role != "none"
  log_retention_days = var.retention.log_days

  depends_on = [aws_api_gateway_account.this]
}

# Trucks have a separate host name, without the edge, so that points do not cost what the edge costs.
module "domains" {
  source = "../domains"
  count  = var.domains == null ? 0 : 1

  zone_id     = var.domains.zone_id
  behind_edge = var.edge ? ["people", "socket"] : []
  domains = {
    trucks = { name = var.domains.trucks, api_id = module.http_api.id, stage = module.http_api.stage }
    people = { name = var.domains.people, api_id = module.http_api.id, stage = module.http_api.stage }
    socket = { name = var.domains.socket, api_id = module.socket_api.id, stage = module.socket_api.stage }
  }
}

# CloudFront adds this secret to each request, and the Lambdas reject requests without it.
resource "random_password" "edge" {
  count = var.edge ? 1 : 0

  length  = 40
  special = false
}

module "edge" {
  source = "../edge"
  count  = var.edge ? 1 : 0

  name                 = var.name
  zone_id              = var.domains.zone_id
  secret_header        = local.definitions.edge_header
  secret               = random_password.edge[0].result
  requests_per_address = var.edge_requests_per_address

  fronts = {
    people = { name = var.domains.people, origin = module.domains[0].targets["people"] }
    socket = { name = var.domains.socket, origin = module.domains[0].targets["socket"] }
  }
}
