mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test-parked-123456789012"
  expires_after_days = 30
  force_destroy      = false
}

run "objects_are_kept_for_at_least_one_day" {
  command = plan

  variables {
    expires_after_days = 0
  }

  expect_failures = [var.expires_after_days]
}
