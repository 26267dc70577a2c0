mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name    = "rtdts-test"
  zone_id = "Z0123456789ABCDEFGHIJ"
  fronts = {
    people = { name = "api.example.com", origin = "d-1.execute-api.eu-central-1.amazonaws.com" }
    socket = { name = "live.example.com", origin = "d-2.execute-api.eu-central-1.amazonaws.com" }
  }
  secret_header = "x-rtdts-edge"
  secret        = "only-for-this-test"
}

run "each_name_has_a_distribution_with_the_web_acl" {
  command = apply

  assert {
    condition     = alltrue([for key, one in aws_cloudfront_distribution.this : one.web_acl_id == aws_wafv2_web_acl.this.arn && one.aliases == toset([var.fronts[key].name])])
    error_message = "Each name must have a distribution with the web ACL."
  }
}

run "a_rate_below_the_minimum_of_waf_is_rejected" {
  command = plan

  variables {
    requests_per_address = 5
  }

  expect_failures = [var.requests_per_address]
}
