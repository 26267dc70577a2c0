output "dashboard_url" {
  description = "Where the dashboard is shown."
  value       = "https://${var.account.region}.console.aws.amazon.com/cloudwatch/home?region=${var.account.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}
