output "url" {
  description = "Where it is shown."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "body" {
  description = "What it shows, as JSON."
  value       = aws_cloudwatch_dashboard.this.dashboard_body
}
