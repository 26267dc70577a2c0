output "invoke_arn" {
  description = "How API Gateway names its invocation."
  value       = aws_lambda_function.this.invoke_arn
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "source_code_hash" {
  description = "Changes with its code."
  value       = aws_lambda_function.this.source_code_hash
}

output "role_arn" {
  description = "ARN of its role."
  value       = module.role.arn
}

output "policy" {
  description = "What its role may do, as JSON."
  value       = module.role.policy
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}
