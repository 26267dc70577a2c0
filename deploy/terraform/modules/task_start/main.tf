# What ECS needs to start a container: the right to fetch its image, and a log to write to.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/ecs/${var.name}"
  retention_in_days = var.log_retention_days
}

module "execution_role" {
  source = "../role"

  name           = "${var.name}-start"
  description    = "Lets ECS fetch the image of ${var.name} and write its log"
  service        = "ecs-tasks.amazonaws.com"
  for_account_id = var.account_id

  statements = [
    {
      sid                = "LogIn"
      actions            = ["ecr:GetAuthorizationToken"]
      resources          = ["*"]
      why_every_resource = "ECR gives one token for all repositories; what it opens is said below."
    },
    {
      sid       = "FetchImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [var.image_repository_arn]
    },
    {
      sid       = "OwnLog"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
  ]
}
