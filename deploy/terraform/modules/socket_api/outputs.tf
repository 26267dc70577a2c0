output "management_url" {
  description = "URL to which messages to sockets are posted. Known before the API has routes."
  value       = local.management_url
}

output "url" {
  description = "URL of the WebSocket API (WebSocketURL)."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/${aws_apigatewayv2_stage.this.name}"

  depends_on = [aws_apigatewayv2_route.this, aws_lambda_permission.handler, aws_lambda_permission.authorizer]
}

output "connections_arns" {
  description = "ARNs that a role must have access to, to post to connections and to end them."
  value       = [for method in ["POST", "DELETE"] : "${aws_apigatewayv2_api.this.execution_arn}/${local.stage}/${method}/@connections/*"]
}

output "id" {
  description = "Id of the API."
  value       = aws_apigatewayv2_api.this.id
}

output "stage" {
  description = "Name of its stage."
  value       = aws_apigatewayv2_stage.this.name
}
