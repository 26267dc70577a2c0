output "invoke_arn" {
  description = "ARN with which API Gateway invokes the function."
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
  description = "Hash of the code."
  value       = aws_lambda_function.this.source_code_hash
}

output "role_arn" {
  description = "ARN of its role."
  value       = module.role.arn
}

output "policy" {
  description = "Policy of its role, as JSON."
  value       = module.role.policy
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}
