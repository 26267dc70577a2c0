output "server_url" {
  description = "Base URL of the HTTP API."
  value       = module.system.server_url
}

output "truck_url" {
  description = "Base URL for POST /telemetry, to be configured in trucks."
  value       = module.system.truck_url
}

output "websocket_url" {
  description = "URL of the WebSocket API."
  value       = module.system.websocket_url
}

output "issuer" {
  description = "The issuer whose tokens are accepted."
  value       = local.issuer
}

output "image_repositories" {
  description = "Repositories to which make deploy pushes images, by container."
  value       = module.system.image_repositories
}

output "sim_env" {
  description = "The text of sim/.env."
  value       = local_sensitive_file.sim.content
  sensitive   = true
}

output "web_env" {
  description = "The text of web/.env."
  value       = local_file.web.content
}

output "policies" {
  description = "Policies of the parts, as JSON."
  value       = module.system.policies
}

output "environments" {
  description = "The settings of each deployable."
  value       = module.system.environments
}

output "parked_bucket" {
  description = "Bucket of parked records and messages."
  value       = module.system.parked_bucket
}

output "dashboard_url" {
  description = "URL of the dashboard."
  value       = module.system.dashboard_url
}

output "web_url" {
  description = "URL of the customer's page. Null: there is none."
  value       = one(module.web[*].url)
}

output "console_url" {
  description = "URL of the dispatcher's console, which is the redirect URI of its client at the issuer. Null: there is none."
  value       = one(module.web[*].console_url)
}

output "web_bucket" {
  description = "Bucket for your own base map, below base_maps/."
  value       = one(module.web[*].bucket)
}
