mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test"
  region             = "eu-central-1"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_gateways       = 0
}

run "no_connections_from_outside_the_vpc" {
  command = apply

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.https : rule.cidr_ipv4 == null && rule.referenced_security_group_id != null])
    error_message = "Inbound rules must refer to security groups of the VPC, not to addresses."
  }
}

run "zones_without_a_nat_gateway_use_the_first_one" {
  command = apply

  variables {
    nat_gateways = 2
  }

  assert {
    condition     = local.nat_of_zone == tomap({ "eu-central-1a" = "eu-central-1a", "eu-central-1b" = "eu-central-1b", "eu-central-1c" = "eu-central-1a" })
    error_message = "A zone without a NAT gateway must use the first zone's."
  }
}

run "subnets_do_not_overlap" {
  command = apply

  assert {
    condition     = length(distinct(concat(values(local.public_cidrs), values(local.private_cidrs)))) == 6
    error_message = "Each subnet must have its own address range."
  }
}

run "too_few_addresses_or_zones_are_rejected" {
  command = plan

  variables {
    cidr_block         = "10.40.0.0/24"
    availability_zones = []
  }

  expect_failures = [var.cidr_block, var.availability_zones]
}

run "unsuitable_endpoints_and_too_many_nat_gateways_are_rejected" {
  command = plan

  variables {
    interface_endpoints = ["execute-api", "s3"] # S3 has a gateway endpoint
    nat_gateways        = 4                     # more than zones
  }

  expect_failures = [var.interface_endpoints, var.interface_endpoints, var.nat_gateways]
}
