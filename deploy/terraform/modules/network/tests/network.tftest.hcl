mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test"
  region             = "eu-central-1"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_gateways       = 0
}

run "nothing_is_open_from_outside" {
  command = apply

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.https : rule.cidr_ipv4 == null && rule.referenced_security_group_id != null])
    error_message = "No connection may be opened from outside."
  }
}

run "a_nat_gateway_for_two_of_three_zones" {
  command = apply

  variables {
    nat_gateways = 2
  }

  assert {
    condition     = local.nat_of_zone == tomap({ "eu-central-1a" = "eu-central-1a", "eu-central-1b" = "eu-central-1b", "eu-central-1c" = "eu-central-1a" })
    error_message = "A zone without a gateway takes the first one's."
  }
}

run "no_subnet_lies_in_another" {
  command = apply

  assert {
    condition     = length(distinct(concat(values(local.public_cidrs), values(local.private_cidrs)))) == 6
    error_message = "Each has its own part."
  }
}

run "addresses_and_zones_suffice" {
  command = plan

  variables {
    cidr_block         = "10.40.0.0/24"
    availability_zones = []
  }

  expect_failures = [var.cidr_block, var.availability_zones]
}

run "an_execute_api_endpoint_would_break_the_broadcaster" {
  command = plan

  variables {
    interface_endpoints = ["execute-api", "s3"] # S3 has a gateway endpoint
    nat_gateways        = 4                     # more than zones
  }

  expect_failures = [var.interface_endpoints, var.interface_endpoints, var.nat_gateways]
}
