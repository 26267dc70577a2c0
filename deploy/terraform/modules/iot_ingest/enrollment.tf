# How a box gets its truck's certificate (fleet provisioning by claim): it connects with the fleet's claim
# certificate, which can only request another certificate. It sends the secret that was created for its truck,
# and the hook checks this secret.

locals {
  arn_prefix    = "arn:${var.account.partition}:iot:${var.account.region}:${var.account.id}"
  template_name = "${var.name}-trucks"

  # Topics of the requests. The responses are published below them.
  enrollment_topics = ["$aws/certificates/create", "$aws/certificates/create-from-csr", "$aws/provisioning-templates/${local.template_name}/provision"]
}

# A truck may publish only to its own topic, and may not subscribe.
resource "aws_iot_policy" "truck" {
  name = "${var.name}-truck"
  # Without whitespace, because AWS allows only 2,048 characters.
  policy = jsonencode(jsondecode(templatefile("${path.module}/truck_policy.json", {
    partition  = var.account.partition
    region     = var.account.region
    account_id = var.account.id
    rule_name  = aws_iot_topic_rule.telemetry.name
  })))
}

# Enrollment has its own client ids, with a colon, which no truck id contains: a connection with a truck's client
# id would close the truck's connection.
resource "aws_iot_policy" "claim" {
  name = "${var.name}-claim"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Connect", Effect = "Allow", Action = "iot:Connect", Resource = "${local.arn_prefix}:client/enroll:*" },
      { Sid = "Request", Effect = "Allow", Action = ["iot:Publish", "iot:Receive"], Resource = [for topic in local.enrollment_topics : "${local.arn_prefix}:topic/${topic}/*"] },
      { Sid = "Subscribe", Effect = "Allow", Action = "iot:Subscribe", Resource = [for topic in local.enrollment_topics : "${local.arn_prefix}:topicfilter/${topic}/*"] },
    ]
  })
}

resource "aws_iot_provisioning_template" "this" {
  name                  = local.template_name
  description           = "Issues a truck's certificate to its box"
  enabled               = true
  provisioning_role_arn = module.provisioning_role.arn

  template_body = templatefile("${path.module}/provisioning_template.json", {
    truck_policy_name = aws_iot_policy.truck.name
  })

  pre_provisioning_hook {
    target_arn      = var.hook_arn
    payload_version = "2020-04-01"
  }

  depends_on = [aws_lambda_permission.hook, module.provisioning_role]
}

resource "aws_lambda_permission" "hook" {
  function_name  = var.function_names["iot-enrollment"]
  action         = "lambda:InvokeFunction"
  principal      = "iot.amazonaws.com"
  source_account = var.account.id
  source_arn     = "${local.arn_prefix}:provisioningtemplate/${local.template_name}"
}

module "provisioning_role" {
  source = "../role"

  name           = "${var.name}-iot-provisioning"
  description    = "Lets IoT Core register trucks and their certificates"
  service        = "iot.amazonaws.com"
  for_account_id = var.account.id

  statements = [
    {
      sid       = "Things"
      actions   = ["iot:CreateThing", "iot:DescribeThing", "iot:ListThingGroupsForThing", "iot:UpdateThing"]
      resources = ["${local.arn_prefix}:thing/*"]
    },
    {
      sid       = "Certificates"
      actions   = ["iot:AttachPolicy", "iot:AttachPrincipalPolicy", "iot:DescribeCertificate", "iot:UpdateCertificate"]
      resources = ["${local.arn_prefix}:cert/*"]
    },
    { sid = "Policy", actions = ["iot:GetPolicy"], resources = [aws_iot_policy.truck.arn] },
    {
      sid                = "WithoutResources"
      actions            = ["iot:AttachThingPrincipal", "iot:ListPrincipalPolicies", "iot:ListPrincipalThings", "iot:ListThingPrincipals"]
      resources          = ["*"]
      why_every_resource = "These actions have no resource-level permissions. They are from the managed policy AWSIoTThingsRegistration, of which this role has a part."
    },
  ]
}
