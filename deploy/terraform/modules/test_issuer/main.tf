# An issuer of tokens for tests, where there is no identity provider of the company: never in
# production. Its key is in KMS and can't be taken out.

resource "random_password" "secret" {
  length  = 40
  special = false
}

resource "aws_kms_key" "signing" {
  description              = "Signs the tokens of ${var.name}"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "RSA_2048"
  deletion_window_in_days  = 7
}

resource "aws_kms_alias" "signing" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.signing.key_id
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Issues tokens for tests"
  protocol_type = "HTTP"
}

module "function" {
  source = "../function"

  name               = var.name
  account_id         = var.account_id
  description        = "Issues tokens for tests"
  package_file       = var.package_file
  handler            = var.definition.handler
  runtime            = var.runtime
  timeout_s          = 10
  memory_mb          = 256
  log_retention_days = var.log_retention_days

  environment = {
    ISSUER         = aws_apigatewayv2_api.this.api_endpoint
    AUDIENCE       = var.audience
    SIGNING_KEY_ID = aws_kms_key.signing.arn
    # It need only recognise the secret.
    TOKEN_SECRET_SHA256 = sha256(random_password.secret.result)
  }
  required_environment = [for name, need in var.definition.settings : name if need == "required"]

  statements = [{
    sid       = "Sign"
    actions   = ["kms:GetPublicKey", "kms:Sign"]
    resources = [aws_kms_key.signing.arn]
  }]
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function.invoke_arn
  payload_format_version = "2.0"
}

# Without an authorizer: discovery and keys are public, and /token checks the secret itself.
resource "aws_apigatewayv2_route" "this" {
  for_each = var.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "this" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = 100
    throttling_burst_limit = 200
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode({ request_id = "$context.requestId", route = "$context.routeKey", status = "$context.status" })
  }
}
