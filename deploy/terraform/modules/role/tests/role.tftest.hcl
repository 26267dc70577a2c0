mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name        = "a-role"
  description = "for a test"
  service     = "apigateway.amazonaws.com"
  statements  = [{ sid = "Read", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/*"] }]
}

run "no_confused_deputy" {
  command = apply

  variables {
    service        = "ecs-tasks.amazonaws.com"
    for_account_id = "123456789012"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "The service may assume the role only for this account."
  }
}

run "all_actions_of_a_service_are_rejected" {
  command = plan

  variables {
    statements = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::b/*"] }]
  }

  expect_failures = [var.statements]
}

run "a_statement_for_every_resource_needs_a_reason" {
  command = plan

  variables {
    service    = "lambda.amazonaws.com" # without an account: a confused deputy
    statements = [{ sid = "All", actions = ["s3:GetObject"], resources = ["*"] }]
  }

  expect_failures = [var.for_account_id, var.statements]
}

run "values_that_iam_would_reject" {
  command = plan

  variables {
    name       = "a-name-of-sixty-five-characters-which-is-one-more-than-iam-takes-1"
    service    = "lambda"
    statements = []
  }

  expect_failures = [var.name, var.service, var.statements]
}
