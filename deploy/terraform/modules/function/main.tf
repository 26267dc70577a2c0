# A Lambda function from a zip of `make package`, with its role and its log group.

locals {
  network_statements = var.network == null ? [] : [{
    sid = "OwnNetworkInterfaces"
    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
    ]
    resources          = ["*"]
    condition          = {}
    why_every_resource = "Lambda creates its network interfaces with this role; EC2's Describe actions have no resource-level permissions, and the interfaces' ids are not known in advance."
  }]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

module "role" {
  source = "../role"

  name           = var.name
  description    = "What ${var.name} may do"
  service        = "lambda.amazonaws.com"
  for_account_id = var.account_id

  statements = concat(
    [{
      sid                = "OwnLog"
      actions            = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources          = ["${aws_cloudwatch_log_group.this.arn}:*"]
      condition          = {}
      why_every_resource = ""
    }],
    local.network_statements,
    var.statements,
  )
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = module.role.arn

  filename         = var.package_file
  source_code_hash = filebase64sha256(var.package_file)
  handler          = var.handler
  runtime          = var.runtime
  architectures    = ["arm64"]

  timeout                        = var.timeout_s
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  # WARN: of its own lines, Lambda writes only those about failures. START, END and REPORT would cost a seventh
  # of what a truck's request costs. Levels require the JSON format, which keeps our own lines unchanged, because
  # they are JSON. Lines of metrics have no level, and count as INFO.
  logging_config {
    log_format            = "JSON"
    system_log_level      = "WARN"
    application_log_level = "INFO"
    log_group             = aws_cloudwatch_log_group.this.name
  }

  dynamic "vpc_config" {
    for_each = var.network[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # The role's module includes its policy: without the policy, the first invocation may be denied.
  depends_on = [module.role]

  lifecycle {
    precondition {
      condition     = length(setsubtract(var.required_environment, keys(var.environment))) == 0
      error_message = "${var.name} needs a value for each required setting. Missing: ${join(", ", setsubtract(var.required_environment, keys(var.environment)))}."
    }
  }
}
