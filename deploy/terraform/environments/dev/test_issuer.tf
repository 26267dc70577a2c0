# The test issuer: it issues tokens without the company's identity provider, and must never be in production. Its
# private key is in KMS and can't be exported.

locals {
  test_issuer_name       = "${var.name}-test-issuer"
  test_issuer_definition = local.definitions.functions["test-issuer"]
  test_issuer_log_days   = 7
}

resource "random_password" "test_issuer" {
  length  = 40
  special = false
}

resource "aws_kms_key" "test_issuer" {
  description              = "Signs the tokens of ${local.test_issuer_name}"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "RSA_2048"
  deletion_window_in_days  = 7
}

resource "aws_kms_alias" "test_issuer" {
  name          = "alias/${local.test_issuer_name}"
  target_key_id = aws_kms_key.test_issuer.key_id
}

resource "aws_apigatewayv2_api" "test_issuer" {
  name          = local.test_issuer_name
  description   = "Issues tokens for tests"
  protocol_type = "HTTP"
}

module "test_issuer" {
  source = "../../modules/function"

  name               = local.test_issuer_name
  account_id         = local.account.id
  description        = "Issues tokens for tests"
  package_file       = "${local.packages_folder}/test-issuer.zip"
  handler            = local.test_issuer_definition.handler
  runtime            = local.definitions.runtime
  timeout_s          = 10
  memory_mb          = 256
  log_retention_days = local.test_issuer_log_days

  environment = {
    ISSUER         = aws_apigatewayv2_api.test_issuer.api_endpoint
    AUDIENCE       = local.audience
    SIGNING_KEY_ID = aws_kms_key.test_issuer.arn
    # A hash is enough to recognise the secret.
    TOKEN_SECRET_SHA256 = sha256(random_password.test_issuer.result)
  }
  required_environment = [for name, need in local.test_issuer_definition.settings : name if need == "required"]

  statements = [{
    sid       = "Sign"
    actions   = ["kms:GetPublicKey", "kms:Sign"]
    resources = [aws_kms_key.test_issuer.arn]
  }]
}

resource "aws_apigatewayv2_integration" "test_issuer" {
  api_id                 = aws_apigatewayv2_api.test_issuer.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.test_issuer.invoke_arn
  payload_format_version = "2.0"
}

# Without an authorizer: the discovery document and the keys are public, and /token checks the secret itself.
resource "aws_apigatewayv2_route" "test_issuer" {
  for_each = toset(local.definitions.test_issuer_routes)

  api_id             = aws_apigatewayv2_api.test_issuer.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.test_issuer.id}"
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "test_issuer" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = module.test_issuer.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.test_issuer.execution_arn}/*"
}

resource "aws_cloudwatch_log_group" "test_issuer" {
  name              = "/aws/apigateway/${local.test_issuer_name}"
  retention_in_days = local.test_issuer_log_days
}

resource "aws_apigatewayv2_stage" "test_issuer" {
  api_id      = aws_apigatewayv2_api.test_issuer.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = 100
    throttling_burst_limit = 200
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.test_issuer.arn
    format          = jsonencode({ request_id = "$context.requestId", route = "$context.routeKey", status = "$context.status" })
  }
}

# The issuer's URL, available once the issuer responds: API Gateway reads its documents when it creates an authorizer.
resource "terraform_data" "test_issuer_url" {
  input = aws_apigatewayv2_api.test_issuer.api_endpoint

  depends_on = [
    aws_apigatewayv2_route.test_issuer,
    aws_apigatewayv2_stage.test_issuer,
    aws_lambda_permission.test_issuer,
    module.test_issuer,
  ]
}
