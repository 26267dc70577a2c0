output "arn" {
  description = "ARN of the role. Its user gets it with its policy."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "The policy, as JSON."
  value       = aws_iam_role_policy.this.policy
}
