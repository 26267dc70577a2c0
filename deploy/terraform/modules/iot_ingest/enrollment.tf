# How a box becomes a truck: it comes with the fleet's claim certificate, which may only request one of
# its own, and a secret made for its truck, by which the hook decides (fleet provisioning by claim).

locals {
  arn_prefix    = "arn:${var.account.partition}:iot:${var.account.region}:${var.account.id}"
  template_name = "${var.name}-trucks"

  # Topics of the two requests, and of their responses below them.
  enrollment_topics = ["$aws/certificates/create", "$aws/certificates/create-from-csr", "$aws/provisioning-templates/${local.template_name}/provision"]
}

# A truck publishes as itself, on its own topic and on no other; it subscribes to nothing.
resource "aws_iot_policy" "truck" {
  name = "${var.name}-truck"
  # Without what only people need: AWS takes 2,048 characters.
  policy = jsonencode(jsondecode(templatefile("${path.module}/truck_policy.json", {
    partition  = var.account.partition
    region     = var.account.region
    account_id = var.account.id
    rule_name  = aws_iot_topic_rule.telemetry.name
  })))
}

# Client ids of their own, with a character that no truck's has: a connection under a truck's id would
# end the truck's.
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
  description           = "Makes a box a truck"
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
  description    = "What IoT Core may do to make a box a truck"
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
      why_every_resource = "IoT Core knows no resources for these actions of AWSIoTThingsRegistration, which this role is a part of."
    },
  ]
}
