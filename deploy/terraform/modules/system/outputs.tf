output "server_url" {
  description = "Base URL of the HTTP API (ServerURL)."
  value       = var.domains == null ? module.http_api.url : "https://${module.domains[0].names["people"]}"

  depends_on = [module.http_api]
}

output "truck_url" {
  description = "Base URL for POST /telemetry, to be configured in trucks."
  value       = var.domains == null ? module.http_api.url : "https://${module.domains[0].names["trucks"]}"

  depends_on = [module.http_api]
}

output "websocket_url" {
  description = "URL of the WebSocket API (WebSocketURL)."
  value       = var.domains == null ? module.socket_api.url : "wss://${module.domains[0].names["socket"]}"

  # Available only when the broadcaster runs, so that a client that connects gets messages.
  depends_on = [module.broadcaster]
}

output "image_repositories" {
  description = "URLs of the image repositories, by container."
  value       = { for key, repository in aws_ecr_repository.this : key => repository.repository_url }
}

output "parked_bucket" {
  description = "Bucket of parked records and messages."
  value       = module.parked.name
}

output "policies" {
  description = "Policies of the parts, as JSON."
  value = merge(
    { for key, function in module.function : key => function.policy },
    { for key, role in module.container_role : key => role.policy },
    { raw-log = module.raw_log_role.policy },
    merge(module.iot_ingest[*].policies...),
  )
}

output "environments" {
  description = "Settings of each deployable, by its name in definitions.json."
  value = {
    functions = {
      for key in keys(local.functions) : key => {
        for name, value in local.function_environments[key] : name => value if name != "EDGE_SECRETS"
      }
    }
    containers = { for key, environment in local.container_environments : key => environment if key != "mqtt_bridge" || var.mqtt_bridge != null }
  }
}

output "dashboard_url" {
  description = "URL of the dashboard."
  value       = "https://${var.account.region}.console.aws.amazon.com/cloudwatch/home?region=${var.account.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}
