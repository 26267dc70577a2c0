output "alarm_arns" {
  description = "ARNs of the alarms, by what comes after the name."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }
}

output "logged" {
  description = "The metrics that are made of log lines: namespace, name and dimensions."
  value       = local.logged
}
