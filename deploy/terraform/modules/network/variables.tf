variable "name" {
  description = "How names begin."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "cidr_block" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr_block, 4, 15)) && tonumber(split("/", var.cidr_block)[1]) <= 20
    error_message = "An IPv4 block of /20 or larger."
  }
}

variable "availability_zones" {
  description = "The zones to use, at most three."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 1 && length(var.availability_zones) <= 3
    error_message = "One to three zones."
  }
}

variable "nat_gateways" {
  description = "How many zones have a NAT gateway. 0: containers run in the public subnets."
  type        = number

  validation {
    condition     = var.nat_gateways >= 0 && var.nat_gateways <= length(var.availability_zones)
    error_message = "At most one a zone."
  }
}

variable "interface_endpoints" {
  description = "Services with an interface endpoint, such as kinesis-streams: each costs by the hour and zone, so only where it saves more of NAT's price a gigabyte (docs/deploy.md has the sum)."
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.interface_endpoints, "execute-api")
    error_message = "An execute-api endpoint would catch the WebSocket API's host, which it does not serve: the broadcaster could post to no connection."
  }

  validation {
    condition     = length(setintersection(var.interface_endpoints, ["s3", "dynamodb"])) == 0
    error_message = "S3 and DynamoDB have gateway endpoints already, which cost nothing."
  }
}
