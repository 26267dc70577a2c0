variable "name" {
  description = "Prefix of every resource name."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "cidr_block" {
  description = "Address range of the VPC, in CIDR notation."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr_block, 4, 15)) && tonumber(split("/", var.cidr_block)[1]) <= 20
    error_message = "cidr_block must be an IPv4 block of /20 or larger."
  }
}

variable "availability_zones" {
  description = "Availability zones to use, at most three."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 1 && length(var.availability_zones) <= 3
    error_message = "availability_zones must have one to three zones."
  }
}

variable "nat_gateways" {
  description = "Number of zones with a NAT gateway. 0: containers run in the public subnets."
  type        = number

  validation {
    condition     = var.nat_gateways >= 0 && var.nat_gateways <= length(var.availability_zones)
    error_message = "nat_gateways must be between 0 and the number of zones."
  }
}

variable "interface_endpoints" {
  description = "Services with an interface endpoint, such as kinesis-streams. An endpoint costs per hour and zone, and saves NAT's price per gigabyte (docs/deploy.md compares them)."
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.interface_endpoints, "execute-api")
    error_message = "interface_endpoints must not contain execute-api: it would capture the WebSocket API's host without serving it, so the broadcaster could not post."
  }

  validation {
    condition     = length(setintersection(var.interface_endpoints, ["s3", "dynamodb"])) == 0
    error_message = "interface_endpoints must not contain s3 or dynamodb: they already have gateway endpoints, which are free."
  }
}
