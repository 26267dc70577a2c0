mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name              = "rtdts-test-month"
  monthly_limit_usd = 200
  emails            = ["somebody@example.com"]
}

run "somebody_is_told_twice" {
  command = apply

  assert {
    condition     = length(aws_budgets_budget.this.notification) == 2
    error_message = "At half of it, and when it will not do."
  }
}

run "somebody_must_be_told" {
  command = plan

  variables {
    emails = []
  }

  expect_failures = [var.emails]
}

run "nothing_is_no_budget" {
  command = plan

  variables {
    monthly_limit_usd = 0
  }

  expect_failures = [var.monthly_limit_usd]
}
