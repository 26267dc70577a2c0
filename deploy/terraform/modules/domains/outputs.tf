output "names" {
  description = "The names by purpose, once they lead to their API."
  value       = { for key, mapping in aws_apigatewayv2_api_mapping.this : key => var.domains[key].name }

  depends_on = [aws_route53_record.this]
}
