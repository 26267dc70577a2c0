output "arn" {
  description = "ARN of the role, available once its policy is attached."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "The policy, as JSON."
  value       = aws_iam_role_policy.this.policy
}
