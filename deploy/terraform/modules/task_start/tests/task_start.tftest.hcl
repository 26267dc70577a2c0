mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                 = "rtdts-test-consumer"
  account_id           = "123456789012"
  image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/x"
  log_retention_days   = 7
}

run "one_image_and_one_log" {
  command = apply

  assert {
    condition     = strcontains(output.policy, var.image_repository_arn) && !strcontains(output.policy, "repository/*")
    error_message = "It fetches its own image and no other."
  }

  assert {
    condition     = output.log_group_name == "/aws/ecs/rtdts-test-consumer" && aws_cloudwatch_log_group.this.retention_in_days == 7
    error_message = "It has a log of its own, which goes."
  }
}
