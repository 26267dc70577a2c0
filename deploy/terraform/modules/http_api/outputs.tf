output "url" {
  description = "Base URL of the API, without a slash at the end (ServerURL)."
  value       = aws_apigatewayv2_api.this.api_endpoint

  depends_on = [aws_apigatewayv2_stage.this, aws_apigatewayv2_route.this, aws_lambda_permission.this]
}

output "stage" {
  description = "Name of its stage."
  value       = aws_apigatewayv2_stage.this.name
}

output "id" {
  description = "Id of the API."
  value       = aws_apigatewayv2_api.this.id
}
