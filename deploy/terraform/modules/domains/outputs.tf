output "names" {
  description = "Names by purpose, available once they resolve to their API."
  value       = { for key, mapping in aws_apigatewayv2_api_mapping.this : key => var.domains[key].name }

  depends_on = [aws_route53_record.this]
}

output "targets" {
  description = "The gateway's host behind each name."
  value       = { for key, mapping in aws_apigatewayv2_api_mapping.this : key => aws_apigatewayv2_domain_name.this[key].domain_name_configuration[0].target_domain_name }
}
