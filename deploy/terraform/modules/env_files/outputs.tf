output "sim" {
  description = "The text of sim's file."
  value       = local_sensitive_file.sim.content
  sensitive   = true
}

output "web" {
  description = "The text of web's file."
  value       = local_file.web.content
}
