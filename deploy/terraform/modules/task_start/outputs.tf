output "execution_role_arn" {
  description = "The role with which ECS starts the container."
  value       = module.execution_role.arn
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "policy" {
  description = "What the role may do, as JSON."
  value       = module.execution_role.policy
}
