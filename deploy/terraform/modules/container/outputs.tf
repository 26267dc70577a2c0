output "name" {
  description = "Name of the service and of the task definition. A task that is started by this name runs the newest revision."
  value       = aws_ecs_task_definition.this.family

  depends_on = [aws_ecs_service.this]
}

output "container" {
  description = "The container's definition."
  value       = jsondecode(aws_ecs_task_definition.this.container_definitions)[0]
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}
