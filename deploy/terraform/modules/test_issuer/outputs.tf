output "url" {
  description = "The issuer. Known once it responds: API Gateway reads its documents when an authorizer is made."
  value       = aws_apigatewayv2_api.this.api_endpoint

  depends_on = [aws_apigatewayv2_stage.this, aws_apigatewayv2_route.this, aws_lambda_permission.this, module.function]
}

output "token_url" {
  description = "The URL that issues tokens."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/token"
}

output "secret" {
  description = "What an asker must present."
  value       = random_password.secret.result
  sensitive   = true
}
