mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  zone_id = "Z0123456789ABCDEFGHIJ"
  domains = {
    trucks = { name = "trucks.example.com", api_id = "http0api00", stage = "$default" }
    socket = { name = "live.example.com", api_id = "socket0000", stage = "live" }
  }
}

run "names_behind_a_cdn_have_no_record_here" {
  command = apply

  variables {
    behind_edge = ["socket"]
  }

  assert {
    condition     = keys(aws_route53_record.this) == ["trucks"] && keys(output.targets) == ["socket", "trucks"]
    error_message = "Only names that are not behind the CDN may have a record, and every name must have a target for the CDN's origin."
  }
}

run "names_must_be_complete_and_distinct" {
  command = plan

  variables {
    domains = {
      trucks = { name = "https://trucks.example.com", api_id = "a", stage = "s" }
      socket = { name = "https://trucks.example.com", api_id = "b", stage = "s" }
    }
  }

  expect_failures = [var.domains, var.domains]
}
