output "server_url" {
  description = "Base of the HTTP API."
  value       = module.system.server_url
}

output "truck_url" {
  description = "Base for POST /telemetry, what a truck is given."
  value       = module.system.truck_url
}

output "websocket_url" {
  description = "Where sockets connect."
  value       = module.system.websocket_url
}

output "issuer" {
  description = "The issuer whose tokens are accepted."
  value       = local.issuer
}

output "image_repositories" {
  description = "Where make deploy pushes images, by container."
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
  description = "What each part may do, as JSON."
  value       = module.system.policies
}

output "environments" {
  description = "The settings of each deployable."
  value       = module.system.environments
}

output "parked_bucket" {
  description = "The bucket of what can't be processed."
  value       = module.system.parked_bucket
}

output "dashboard_url" {
  description = "Where the dashboard is."
  value       = module.system.dashboard_url
}

output "web_url" {
  description = "Of the customer's page; null where there is none."
  value       = one(module.web[*].url)
}

output "console_url" {
  description = "Of the dispatcher's console, the redirect URI of its client at the issuer; null where there is none."
  value       = one(module.web[*].console_url)
}

output "web_bucket" {
  description = "Where a base map of one's own is put, below base_maps/."
  value       = one(module.web[*].bucket)
}
