variable "zone_letters" {
  description = "The zones' letters; some regions lack one of these (aws ec2 describe-availability-zones)."
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(var.zone_letters) == 3
    error_message = "Three zones."
  }
}

variable "name" {
  description = "How every name begins. Changed later, everything is made anew, and what it held is lost."
  type        = string
  default     = "rtdts"
}

variable "issuer" {
  description = "The company's identity provider: an https URL with OIDC discovery."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://") && !endswith(var.issuer, "/.well-known/openid-configuration")
    error_message = "The issuer itself, as its tokens say it: an https URL."
  }
}

variable "audience" {
  description = "Audience that its tokens have for this system."
  type        = string
}

variable "identity_claim" {
  description = "The claim that names a token's holder."
  type        = string
  default     = "sub"
}

variable "nat_gateways" {
  description = "How many zones have a NAT gateway. One is cheaper; three outlive a zone."
  type        = number
  default     = 3

  validation {
    condition     = var.nat_gateways >= 1
    error_message = "In production containers have no addresses of their own."
  }
}

variable "interface_endpoints" {
  description = "Services with an interface endpoint; docs/deploy.md has the sum."
  type        = set(string)
  default     = []
}

variable "shard_count" {
  description = "Shards of the stream; null for on demand."
  type        = number
  default     = 4
}

variable "stream_retention_hours" {
  description = "Hours for which points can be read again."
  type        = number
  default     = 168

  validation {
    condition     = var.stream_retention_hours >= 72
    error_message = "At least a long weekend: 72 hours."
  }
}

variable "search_nodes" {
  description = "Nodes of OpenSearch, over three zones, and the primary shards of each index. With more than one a large fleet's work is on more nodes (docs/capacity.md). The daily indexes take another number the next day; truck-latest and truck-state keep the one that they were created with."
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
  description = "Days for which things are kept; see the module system, which describes each."
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
  description = "Requests per second, and at once, over all clients; an account's quota is 10,000 and 5,000."
  type        = any
  default = {
    requests_per_second = 5000
    burst               = 5000
  }
}

variable "gateway_requests_per_second" {
  description = "Requests per second that this system may use of API Gateway: the account's quota in its region (10,000, in some 2,500), less what other systems need. The broadcasters post with what http_throttle leaves of it."
  type        = number
  default     = 10000
}

variable "reserved_concurrency" {
  description = "How many of each function may run at once, so that none takes another's. Lambda keeps 100 of an account's quota (1,000, in a new account 10) for functions without: raise the quota first, or leave functions out."
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
  description = "Whether CloudFront with AWS WAF stands before people's routes and the socket."
  type        = bool
  default     = true
}

variable "edge_requests_per_address" {
  description = "Requests and new sockets that one address may send through the edge per minute: the back office and a company's whole network may be one."
  type        = number
  default     = 600
}

variable "socket_throttle" {
  description = "Socket messages per second, and at once, over all viewers."
  type        = any
  default = {
    requests_per_second = 2000
    burst               = 4000
  }
}

variable "consumer" {
  description = "The consumer's tasks; two, so that a lost one's shards go on at once."
  type        = any
  default = {
    cpu       = 2048
    memory_mb = 4096
    min_tasks = 2
    max_tasks = 4
  }

  validation {
    condition     = var.consumer.min_tasks >= 2
    error_message = "At least two."
  }
}

variable "broadcaster" {
  description = "The broadcaster's tasks; two, so that the other runs a lost one's part of a round. Its process uses one core."
  type        = any
  default = {
    cpu       = 1024
    memory_mb = 2048
    min_tasks = 2
    max_tasks = 4
  }

  validation {
    condition     = var.broadcaster.min_tasks >= 2
    error_message = "At least two: a lost task takes minutes to be replaced, a viewer is promised 75 s."
  }
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API and open sockets."
  type        = list(string)
  default     = []
}

variable "domains" {
  description = "Names before the APIs, in a hosted zone of Route 53: trucks' and people's for the HTTP API, socket for the WebSocket API."
  type        = any
}

variable "alarms" {
  description = "The addresses that get alarms by mail (each must confirm), and the alarms' limits; see the module system. silence has no default: when trucks are on the road for certain, or null for no such alarm."
  type        = any

  validation {
    condition     = length(var.alarms.emails) > 0
    error_message = "Production needs an address that gets the alarms."
  }

  validation {
    condition     = contains(keys(var.alarms), "silence")
    error_message = "Production says when trucks are on the road for certain: hours and days in silence, or null."
  }
}
