mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test-parked-123456789012"
  expires_after_days = 30
  force_destroy      = false
}

run "not_for_ever_means_a_day_at_least" {
  command = plan

  variables {
    expires_after_days = 0
  }

  expect_failures = [var.expires_after_days]
}
