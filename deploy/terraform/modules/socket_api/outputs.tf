output "management_url" {
  description = "Where messages to sockets are posted. Known before anything is behind the API."
  value       = local.management_url
}

output "url" {
  description = "Where sockets connect: WebSocketURL."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/${aws_apigatewayv2_stage.this.name}"

  depends_on = [aws_apigatewayv2_route.this, aws_lambda_permission.handler, aws_lambda_permission.authorizer]
}

output "connections_arns" {
  description = "What a role must be allowed to post to connections and to end them."
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
