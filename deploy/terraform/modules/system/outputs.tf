output "server_url" {
  description = "Base of the HTTP API: ServerURL."
  value       = var.domains == null ? module.http_api.url : "https://${module.domains[0].names["people"]}"

  depends_on = [module.http_api]
}

output "truck_url" {
  description = "Base for POST /telemetry, what a truck is given."
  value       = var.domains == null ? module.http_api.url : "https://${module.domains[0].names["trucks"]}"

  depends_on = [module.http_api]
}

output "websocket_url" {
  description = "Where sockets connect: WebSocketURL."
  value       = var.domains == null ? module.socket_api.url : "wss://${module.domains[0].names["socket"]}"

  # A client that has it may connect at once, and gets messages.
  depends_on = [module.broadcaster]
}

output "image_repositories" {
  description = "URLs of the images' repositories, by container."
  value       = { for key, repository in module.images : key => repository.url }
}

output "stream_name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.telemetry.name
}

output "table_names" {
  description = "Names of the tables, the KCL's too."
  value       = merge(module.tables.names, module.kcl_tables.names)
}

output "parked_bucket" {
  description = "The bucket of what can't be processed."
  value       = module.parked.name
}

output "raw_backup_bucket" {
  description = "The bucket of Firehose's backup."
  value       = module.raw_backup.name
}

output "policies" {
  description = "What each part may do, as JSON."
  value = merge(
    { for key, function in module.function : key => function.policy },
    { for key, role in module.container_role : key => role.policy },
    { raw-log = module.raw_log_role.policy },
    merge(module.iot_ingest[*].policies...),
  )
}

output "environments" {
  description = "The settings of each deployable, by its name in generated/definitions.json."
  value = {
    functions = {
      for key in keys(local.functions) : key => {
        for name, value in local.function_environments[key] : name => value if name != "EDGE_SECRETS"
      }
    }
    containers = { for key, environment in local.container_environments : key => environment if key != "mqtt_bridge" || var.mqtt_bridge != null }
  }
}

output "containers" {
  description = "The containers' definitions."
  value = merge(
    {
      consumer    = module.consumer.container
      broadcaster = module.broadcaster.container
      operations  = module.operations.container
    },
    { for bridge in module.mqtt_bridge : "mqtt_bridge" => bridge.container },
  )
}

output "dashboard_url" {
  description = "Where the dashboard is."
  value       = module.watching.dashboard_url
}
