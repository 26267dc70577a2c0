# Settings that a region or an account has only once, for all systems in it.

module "api_gateway_log_role" {
  source = "../role"
  count  = var.region_singletons.api_gateway_log_role == "create" ? 1 : 0

  name        = "${var.name}-api-gateway-log"
  description = "Lets API Gateway write access logs of WebSocket APIs"
  service     = "apigateway.amazonaws.com"

  statements = [{
    sid = "AccessLogs"
    actions = [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:FilterLogEvents",
      "logs:GetLogEvents",
      "logs:PutLogEvents",
    ]
    resources          = ["*"]
    why_every_resource = "A region has one such role for the logs of all its APIs, and API Gateway checks that the role has all these permissions."
  }]
}

# Created only on request, because it replaces the region's role, which another team's APIs may use.
resource "aws_api_gateway_account" "this" {
  count = length(module.api_gateway_log_role)

  cloudwatch_role_arn = module.api_gateway_log_role[0].arn
}

module "iot_log_role" {
  source = "../role"
  count  = var.region_singletons.iot_logs ? 1 : 0

  name           = "${var.name}-iot-log"
  description    = "Lets IoT Core write its log"
  service        = "iot.amazonaws.com"
  for_account_id = var.account.id

  statements = [{
    sid       = "Log"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutMetricFilter", "logs:PutRetentionPolicy"]
    resources = ["${local.arn.logs}:log-group:AWSIotLogsV2:*"]
  }]
}

# ERROR: at INFO, the log line of each message would cost more than the message.
resource "aws_iot_logging_options" "this" {
  count = length(module.iot_log_role)

  default_log_level = "ERROR"
  role_arn          = module.iot_log_role[0].arn
}

resource "aws_iam_service_linked_role" "opensearch" {
  count = var.region_singletons.opensearch_service_linked_role ? 1 : 0

  aws_service_name = "opensearchservice.amazonaws.com"
  description      = "Lets OpenSearch Service place domains in a VPC"
}
