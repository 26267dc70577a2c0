output "url" {
  description = "URL of the domain."
  value       = "https://${aws_opensearch_domain.this.endpoint}"
}

output "arn" {
  description = "ARN of the domain."
  value       = aws_opensearch_domain.this.arn
}
