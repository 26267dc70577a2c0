# The HTTP API. The gateway checks tokens, and each Lambda checks roles. Open routes need no token: their Lambda
# checks another credential.

locals {
  routes = merge([
    for key, function in var.functions : { for route in concat(function.routes, function.open_routes) : route => key }
  ]...)
  open_routes = toset(flatten([for function in values(var.functions) : function.open_routes]))
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "HTTP API for trucks, customers and dispatchers"
  protocol_type = "HTTP"

  disable_execute_api_endpoint = var.has_own_domain

  dynamic "cors_configuration" {
    for_each = length(var.allowed_origins) == 0 ? [] : [var.allowed_origins]

    content {
      allow_origins = cors_configuration.value
      allow_methods = var.pages.methods
      allow_headers = var.pages.request_headers
      # Otherwise a page could not read Retry-After.
      expose_headers = var.pages.response_headers
      max_age        = var.pages.preflight_cached_s
    }
  }
}

# When this is created, the gateway fetches the issuer's discovery document, so the issuer must respond by then.
resource "aws_apigatewayv2_authorizer" "tokens" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "tokens"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.issuer
    audience = [var.audience]
  }
}

resource "aws_apigatewayv2_integration" "this" {
  for_each = var.functions

  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = each.value.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this[each.value].id}"
  authorization_type = contains(local.open_routes, each.key) ? "NONE" : "JWT"
  authorizer_id      = contains(local.open_routes, each.key) ? null : aws_apigatewayv2_authorizer.tokens.id
}

resource "aws_lambda_permission" "this" {
  for_each = var.functions

  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = each.value.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

# One line per request, read only in case of problems. This class costs half as much, but can't be tailed: Logs
# Insights can query it.
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}"
  log_group_class   = "INFREQUENT_ACCESS"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_query_definition" "refused" {
  name            = "${var.name}/refused-requests"
  log_group_names = [aws_cloudwatch_log_group.access.name]

  query_string = join("\n| ", [
    "fields @timestamp, route, status, subject, authorizer_error, integration_error, request_id",
    "filter status >= 400",
    "sort @timestamp desc",
    "limit 200",
  ])
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.throttle.requests_per_second
    throttling_burst_limit   = var.throttle.burst
  }

  # Requests to open routes reach the Lambda without a token. Each of these routes gets a quarter of the throttle,
  # so that they leave capacity for requests with a token.
  dynamic "route_settings" {
    for_each = local.open_routes

    content {
      route_key                = route_settings.value
      detailed_metrics_enabled = true
      throttling_rate_limit    = var.throttle.requests_per_second / 4
      throttling_burst_limit   = ceil(var.throttle.burst / 4)
    }
  }

  # Settings of a route require the route.
  depends_on = [aws_apigatewayv2_route.this]

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn

    # Without a time, because each log event has a timestamp.
    format = jsonencode({
      request_id        = "$context.requestId"
      route             = "$context.routeKey"
      status            = "$context.status"
      latency_ms        = "$context.responseLatency"
      subject           = "$context.authorizer.claims.sub"
      authorizer_error  = "$context.authorizer.error"
      integration_error = "$context.integrationErrorMessage"
    })
  }
}
