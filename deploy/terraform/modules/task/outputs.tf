output "family" {
  description = "Name of the task definition: started by it, the newest revision runs."
  value       = aws_ecs_task_definition.this.family
}

output "container" {
  description = "The container's definition."
  value       = jsondecode(aws_ecs_task_definition.this.container_definitions)[0]
}

output "log_group_name" {
  description = "Name of its log group."
  value       = module.start.log_group_name
}
