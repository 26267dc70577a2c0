variable "zone_letters" {
  description = "Letters of the availability zones. Some regions do not have all of these (aws ec2 describe-availability-zones)."
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(var.zone_letters) == 3
    error_message = "zone_letters must have three letters."
  }
}

variable "name" {
  description = "Prefix of every resource name. A later change recreates everything, and all stored data is lost."
  type        = string
  default     = "rtdts"
}

variable "issuer" {
  description = "The company's identity provider: an https URL with OIDC discovery."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://") && !endswith(var.issuer, "/.well-known/openid-configuration")
    error_message = "issuer must be an https URL, exactly as in the issuer's tokens."
  }
}

variable "audience" {
  description = "Audience of its tokens for this system."
  type        = string
}

variable "identity_claim" {
  description = "Claim with a token's identity."
  type        = string
  default     = "sub"
}

variable "nat_gateways" {
  description = "Number of zones with a NAT gateway. One is cheaper; three survive the loss of a zone."
  type        = number
  default     = 3

  validation {
    condition     = var.nat_gateways >= 1
    error_message = "nat_gateways must be at least 1: in production, containers have no public addresses."
  }
}

variable "interface_endpoints" {
  description = "Services with an interface endpoint; docs/deploy.md compares the costs."
  type        = set(string)
  default     = []
}

variable "shard_count" {
  description = "Number of shards of the stream. Null: on demand."
  type        = number
  default     = 4
}

variable "stream_retention_hours" {
  description = "Retention of the stream in hours."
  type        = number
  default     = 168

  validation {
    condition     = var.stream_retention_hours >= 72
    error_message = "stream_retention_hours must be at least 72, a long weekend."
  }
}

variable "search_nodes" {
  description = "Nodes of OpenSearch, over three zones, and the number of primary shards of each index. More than one shard distributes a large fleet's work over more nodes (docs/capacity.md). A change applies to the daily indexes from the next day; truck-latest and truck-state keep the number that they were created with."
  type = object({
    instance_type         = string
    count                 = number
    volume_gb             = number
    dedicated_master_type = optional(string)
    shards                = optional(number, 1)
  })
  default = {
    instance_type         = "r7g.large.search"
    count                 = 3
    volume_gb             = 200
    dedicated_master_type = "m7g.medium.search"
    shards                = 1
  }
}

variable "retention" {
  description = "Days for which data is kept; the module system describes each."
  type        = any
  default = {
    raw_days        = 3
    positions_days  = 90
    raw_backup_days = 90
    parked_days     = 90
    log_days        = 30
  }
}

variable "http_throttle" {
  description = "Limit of HTTP requests per second, and burst, for all clients together. An account's quota is 10,000 and 5,000."
  type        = any
  default = {
    requests_per_second = 5000
    burst               = 5000
  }
}

variable "gateway_requests_per_second" {
  description = "API Gateway requests per second that this system may use: the account's quota in its region (10,000; in some regions 2,500) minus what other systems need. The broadcasters post at the rate that http_throttle leaves."
  type        = number
  default     = 10000
}

variable "reserved_concurrency" {
  description = "Reserved concurrent executions per function, so that none uses up another's. Lambda keeps 100 of an account's quota (1,000; in a new account 10) for functions without an entry: raise the quota first, or leave functions out."
  type        = map(number)
  default = {
    ingest            = 400
    delivery          = 140
    track             = 10
    socket            = 200
    socket-authorizer = 100
  }
}

variable "edge" {
  description = "Whether CloudFront with AWS WAF is in front of people's routes and the socket."
  type        = bool
  default     = true
}

variable "edge_requests_per_address" {
  description = "Limit of requests and new sockets per minute and address through the edge. The back office, or a company's complete network, may have a single address."
  type        = number
  default     = 600
}

variable "socket_throttle" {
  description = "Limit of socket messages per second, and burst, for all viewers together."
  type        = any
  default = {
    requests_per_second = 2000
    burst               = 4000
  }
}

variable "consumer" {
  description = "The consumer's tasks. With two, the other continues a lost task's shards at once."
  type        = any
  default = {
    cpu       = 2048
    memory_mb = 4096
    min_tasks = 2
    max_tasks = 4
  }

  validation {
    condition     = var.consumer.min_tasks >= 2
    error_message = "consumer.min_tasks must be at least 2, so that the other task continues a lost task's shards."
  }
}

variable "broadcaster" {
  description = "The broadcaster's tasks. With two, the other runs a lost task's part of a round. A task uses one core."
  type        = any
  default = {
    cpu       = 1024
    memory_mb = 2048
    min_tasks = 2
    max_tasks = 4
  }

  validation {
    condition     = var.broadcaster.min_tasks >= 2
    error_message = "broadcaster.min_tasks must be at least 2: a viewer is promised an update within 75 s, and replacing a lost task takes minutes."
  }
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API and open sockets."
  type        = list(string)
  default     = []
}

variable "domains" {
  description = "Domain names of the APIs, in a hosted zone of Route 53: trucks and people for the HTTP API, socket for the WebSocket API."
  type        = any
}

variable "alarms" {
  description = "Mail addresses that receive alarms (each must confirm), and limits of the alarms; see the module system. silence has no default: set the hours when trucks certainly drive, or null for no such alarm."
  type        = any

  validation {
    condition     = length(var.alarms.emails) > 0
    error_message = "alarms.emails must have at least one address in production."
  }

  validation {
    condition     = contains(keys(var.alarms), "silence")
    error_message = "alarms.silence must be set in production: the hours and days when trucks certainly drive, or null."
  }
}
