output "rule_name" {
  description = "Name of the rule: a truck publishes on $aws/rules/NAME/trucks/TRUCK/telemetry."
  value       = aws_iot_topic_rule.telemetry.name
}

output "event_source_uuid" {
  description = "What the event source's metrics are under."
  value       = aws_lambda_event_source_mapping.this.uuid
}

output "policies" {
  description = "What IoT Core's two roles may do, as JSON."
  value = {
    iot-rule         = module.rule_role.policy
    iot-provisioning = module.provisioning_role.policy
  }
}
