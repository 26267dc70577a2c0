output "rule_name" {
  description = "Name of the rule. A truck publishes to $aws/rules/NAME/trucks/TRUCK/telemetry."
  value       = aws_iot_topic_rule.telemetry.name
}

output "event_source_uuid" {
  description = "Id of the event source mapping, the dimension of its metrics."
  value       = aws_lambda_event_source_mapping.this.uuid
}

output "policies" {
  description = "Policies of IoT Core's two roles, as JSON."
  value = {
    iot-rule         = module.rule_role.policy
    iot-provisioning = module.provisioning_role.policy
  }
}
