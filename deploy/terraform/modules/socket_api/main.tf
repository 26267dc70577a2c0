# The WebSocket API. A Lambda authorizes $connect by a token or a ticket. Its authorizer declares no identity
# source, because each declared source would be required.

locals {
  stage = "live" # the last part of the API's URL

  # Composed without the stage resource, which depends on the Lambdas: they need this URL as a setting.
  management_url = "${replace(aws_apigatewayv2_api.this.api_endpoint, "wss://", "https://")}/${local.stage}"
}

resource "aws_apigatewayv2_api" "this" {
  name                       = var.name
  description                = "WebSocket API for customers and dispatchers"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = var.route_selection_expression
}

resource "aws_apigatewayv2_authorizer" "connect" {
  api_id          = aws_apigatewayv2_api.this.id
  name            = "tokens-and-tickets"
  authorizer_type = "REQUEST"
  authorizer_uri  = var.authorizer.invoke_arn
}

resource "aws_apigatewayv2_integration" "this" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "AWS_PROXY"
  integration_uri  = var.handler.invoke_arn
}

# Without route responses: with one, the gateway would send a message, even an empty one, for each response of the
# Lambda, which posts its own responses.
resource "aws_apigatewayv2_route" "this" {
  for_each = var.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = each.key == var.authorized_route ? "CUSTOM" : "NONE"
  authorizer_id      = each.key == var.authorized_route ? aws_apigatewayv2_authorizer.connect.id : null
}

resource "aws_lambda_permission" "handler" {
  statement_id  = "socket-api"
  action        = "lambda:InvokeFunction"
  function_name = var.handler.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

resource "aws_lambda_permission" "authorizer" {
  statement_id  = "socket-api"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.connect.id}"
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = local.stage
  auto_deploy = true

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.throttle.requests_per_second
    throttling_burst_limit   = var.throttle.burst
  }

  dynamic "access_log_settings" {
    # Access logs require the region's log role (region.tf of the module system).
    for_each = var.access_logs ? [aws_cloudwatch_log_group.access.arn] : []

    content {
      destination_arn = access_log_settings.value

      format = jsonencode({
        request_id        = "$context.requestId"
        requested_at      = "$context.requestTime"
        event             = "$context.eventType"
        route             = "$context.routeKey"
        connection_id     = "$context.connectionId"
        connected_at      = "$context.connectedAt"
        status            = "$context.status"
        subject           = "$context.authorizer.principalId"
        authorizer_error  = "$context.authorizer.error"
        integration_error = "$context.integration.error"
      })
    }
  }

  # The stage can be deployed only when it has a route.
  depends_on = [aws_apigatewayv2_route.this]
}
