variable "name" {
  description = "Prefix of every resource name, such as rtdts-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,19}$", var.name))
    error_message = "name must have 3 to 20 lower-case letters, digits and hyphens, because it is also the name of the OpenSearch domain."
  }
}

variable "account" {
  description = "The account, region and partition of the deployment."
  type = object({
    id        = string
    region    = string
    partition = string
  })

  validation {
    condition     = can(regex("^\\d{12}$", var.account.id))
    error_message = "account.id must have twelve digits."
  }
}

variable "network" {
  description = "The VPC: zones, number of NAT gateways, address range and interface endpoints; see the module network."
  type = object({
    availability_zones  = list(string)
    nat_gateways        = number
    cidr_block          = optional(string, "10.40.0.0/16")
    interface_endpoints = optional(set(string), [])
  })
}

variable "stream" {
  description = "The stream. A shard accepts 1 MB and 1,000 records per second. shard_count null: on demand. Retention is in hours."
  type = object({
    shard_count     = optional(number)
    retention_hours = number
  })

  validation {
    condition     = var.stream.shard_count == null ? true : var.stream.shard_count >= 1 && var.stream.shard_count <= 500
    error_message = "stream.shard_count must be between 1 and 500, or null for on demand."
  }

  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760
    error_message = "stream.retention_hours must be between 24 and 8760, Kinesis's limits."
  }
}

variable "search" {
  description = "The OpenSearch domain. engine_version: the newest that both the domain and Firehose support (docs/deploy.md). volume_gb: disk of each data node in GB. dedicated_master_type: instance type of three dedicated masters; null: none. shards: primary shards of each index that is created from now on."
  type = object({
    engine_version        = string
    instance_type         = string
    instance_count        = number
    zones                 = number
    volume_gb             = number
    dedicated_master_type = optional(string)
    shards                = optional(number, 1)
  })

  validation {
    condition     = can(regex("^OpenSearch_[2-9]\\.\\d+$", var.search.engine_version))
    error_message = "search.engine_version must have the form OpenSearch_2.19. The index templates require OpenSearch 2 or later."
  }

  validation {
    condition     = var.search.instance_count >= 1 && var.search.instance_count % max(var.search.zones, 1) == 0
    error_message = "search.instance_count must be a multiple of search.zones, so that each zone has the same number of nodes, at least one."
  }

  validation {
    condition     = endswith(var.search.instance_type, ".search") && var.search.volume_gb >= 10
    error_message = "search.instance_type must end with .search, and search.volume_gb must be at least 10."
  }

  validation {
    condition     = !(startswith(var.search.instance_type, "t") && var.search.zones > 1)
    error_message = "A burstable instance type (t…) is allowed only with a single zone."
  }

  validation {
    condition     = var.search.zones >= 1 && var.search.zones <= length(var.network.availability_zones)
    error_message = "search.zones must be between 1 and the number of zones of the VPC."
  }

  validation {
    condition     = var.search.shards >= 1 && var.search.shards <= 100 && floor(var.search.shards) == var.search.shards
    error_message = "search.shards must be a whole number between 1 and 100."
  }

  validation {
    condition     = 2 * var.search.shards * (var.retention.positions_days + var.retention.raw_days + 2) <= 1000 * var.search.instance_count
    error_message = "OpenSearch allows 1,000 shards per node, including replicas. Use fewer shards, fewer days or more nodes."
  }
}

variable "protection" {
  description = "Protection against losing data by mistake."
  type = object({
    point_in_time_recovery = bool
    deletion_protection    = bool
  })
}

variable "retention" {
  description = "Days for which data is kept."
  type = object({
    raw_days               = number
    positions_days         = number
    raw_backup_days        = number
    parked_days            = number
    log_days               = number
    closed_deliveries_days = optional(number, 400)
  })

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400], var.retention.log_days)
    error_message = "retention.log_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400."
  }

  validation {
    condition     = var.retention.raw_backup_days >= var.retention.raw_days
    error_message = "retention.raw_backup_days must be at least retention.raw_days."
  }

  validation {
    condition     = var.retention.raw_days >= 1 && var.retention.raw_days <= 365 && var.retention.positions_days >= 8 && var.retention.positions_days <= 3650
    error_message = "retention.raw_days must be between 1 and 365. retention.positions_days must be between 8 and 3650, because a point may be 7 days old when it arrives."
  }
}

variable "identity" {
  description = "The identity provider: issuer URL, audience, and the claim with a token's identity."
  type = object({
    issuer   = string
    audience = string
    claim    = optional(string, "sub")
  })
}

variable "http_throttle" {
  description = "Limit of HTTP requests per second, and burst, for all clients together."
  type = object({
    requests_per_second = number
    burst               = number
  })
}

variable "gateway_requests_per_second" {
  description = "API Gateway requests per second that this system may use of the account's quota (10,000 for all APIs of a region). What http_throttle leaves of it is divided equally among max_tasks broadcasters, and is the rate at which each posts."
  type        = number

  validation {
    condition     = var.gateway_requests_per_second - var.http_throttle.requests_per_second >= var.broadcaster.max_tasks
    error_message = "gateway_requests_per_second must exceed http_throttle by at least one post per second for each of the broadcaster's max_tasks."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrent executions per function. A function without an entry uses the rest of the account's limit."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), ["ingest", "delivery", "track", "socket", "socket-authorizer", "iot", "iot-enrollment"])) == 0
    error_message = "reserved_concurrency can have entries only for ingest, delivery, track, socket, socket-authorizer, iot and iot-enrollment."
  }

  validation {
    condition     = alltrue([for count in values(var.reserved_concurrency) : count >= 1])
    error_message = "A reserved concurrency must be at least 1: with 0, the function would never run."
  }
}

variable "edge" {
  description = "Whether CloudFront with AWS WAF is in front of people's routes and the socket. Requires domains. Trucks' /telemetry goes to the gateway directly."
  type        = bool
  default     = false

  validation {
    condition     = !var.edge || var.domains != null
    error_message = "edge requires domains."
  }
}

variable "edge_requests_per_address" {
  description = "Limit of requests and new sockets per minute and address through the edge."
  type        = number
  default     = 600
}

variable "socket_throttle" {
  description = "Limit of socket messages per second, and burst, for all viewers together."
  type = object({
    requests_per_second = number
    burst               = number
  })
}

variable "domains" {
  description = "Domain names of the APIs, in a hosted zone of Route 53: trucks and people for the HTTP API, socket for the WebSocket API. Null: execute-api's host names."
  type = object({
    zone_id = string
    trucks  = string
    people  = string
    socket  = string
  })
  default = null
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API and open sockets."
  type        = list(string)
  default     = []
}

variable "consumer" {
  description = "The consumer's tasks: processor (1024 is one vCPU), memory in MB, and number. One vCPU serves several shards. Tasks beyond the number of shards are idle."
  type = object({
    cpu            = number
    memory_mb      = number
    min_tasks      = number
    max_tasks      = number
    retrieval_mode = optional(string, "POLLING")
  })

  validation {
    condition     = contains(["POLLING", "FANOUT"], var.consumer.retrieval_mode)
    error_message = "consumer.retrieval_mode must be POLLING or FANOUT."
  }

  validation {
    condition     = var.stream.shard_count == null ? true : var.consumer.max_tasks <= var.stream.shard_count
    error_message = "consumer.max_tasks must be at most stream.shard_count, because a shard is processed by one task."
  }
}

variable "broadcaster" {
  description = "The broadcaster's tasks: processor (1024 is one vCPU), memory in MB, and number. One task serves up to 100,000 viewers; several divide each round."
  type = object({
    cpu       = number
    memory_mb = number
    min_tasks = number
    max_tasks = number
  })
}

variable "iot_ingest" {
  description = "Ingest over AWS IoT Core; see the module iot_ingest. Null: disabled."
  type = object({
    shard_count            = optional(number, 1)
    parallelization_factor = optional(number, 1)
  })
  default = null
}

variable "mqtt_bridge" {
  description = "The bridge to your own MQTT broker: the broker's host, port and address range, the bridge's user name, the ARN of its password in Secrets Manager, and its tasks. Null: no bridge."
  type = object({
    broker_host         = string
    broker_port         = optional(number, 8883)
    broker_cidr_block   = optional(string, "0.0.0.0/0")
    username            = string
    password_secret_arn = string
    cpu                 = optional(number, 512)
    memory_mb           = optional(number, 1024)
    min_tasks           = optional(number, 2)
    max_tasks           = optional(number, 4)
  })
  default = null

  validation {
    condition = var.mqtt_bridge == null ? true : alltrue([
      can(regex("^[A-Za-z0-9.-]{1,253}$", var.mqtt_bridge.broker_host)),
      var.mqtt_bridge.broker_port >= 1 && var.mqtt_bridge.broker_port <= 65535,
      can(cidrhost(var.mqtt_bridge.broker_cidr_block, 0)),
    ])
    error_message = "mqtt_bridge.broker_host must be a host name without a scheme, broker_port between 1 and 65535, and broker_cidr_block in CIDR notation."
  }

  validation {
    condition     = var.mqtt_bridge == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+$", var.mqtt_bridge.password_secret_arn))
    error_message = "mqtt_bridge.password_secret_arn must be the ARN of a secret in Secrets Manager, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME."
  }
}

variable "container_insights" {
  description = "Whether ECS Container Insights measures each task, at extra cost."
  type        = bool
}

variable "cpu_architecture" {
  description = "Processor architecture of the images: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "image_tags" {
  description = "Tags of the images, by container: the digest of the sources of each (make images)."
  type = object({
    consumer    = string
    broadcaster = string
    operations  = string
    mqtt_bridge = string
  })
}

variable "packages_folder" {
  description = "Folder with the Lambdas' zips and definitions.json (make package)."
  type        = string
}

variable "settings" {
  description = "Other settings, by their names in docs/settings.md. Each deployable gets those that it declares."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setsubtract(keys(var.settings), flatten([
      for kind in ["functions", "containers"] : [for deployable in values(local.definitions[kind]) : keys(deployable.settings)]
    ]))) == 0
    error_message = "settings contains a name that no deployable declares (docs/settings.md)."
  }
}

variable "region_singletons" {
  description = "Settings that a region or an account has only once. api_gateway_log_role: none (the sockets' access log is off), existing (use the region's role), or create (create the role, which replaces the region's). iot_logs: whether IoT Core logs errors, which replaces the region's role and level. opensearch_service_linked_role: whether to create this role; false if the account already has it."
  type = object({
    api_gateway_log_role           = optional(string, "none")
    iot_logs                       = optional(bool, false)
    opensearch_service_linked_role = optional(bool, true)
  })
  default = {}

  validation {
    condition     = contains(["none", "existing", "create"], var.region_singletons.api_gateway_log_role)
    error_message = "region_singletons.api_gateway_log_role must be none, existing or create."
  }
}

variable "alarms" {
  description = "Mail addresses that receive alarms (each must confirm once), and limits of the alarms. silence: the alarm no-points fires after this many minutes without a point, between these hours on these days (UTC; 1 is Monday; if the first hour is the later one, past midnight). Null: never. iterator_age_s: seconds for which points may wait in the stream; at least 180, the time until another task continues a lost task's shards. http_errors_percent: share of HTTP requests that may get 5xx. viewers_not_reached_percent: share of viewers that a round may fail to reach for causes within the system."
  type = object({
    emails = set(string)
    silence = optional(object({
      minutes   = optional(number, 15)
      from_hour = number
      to_hour   = number
      days      = optional(set(number), [1, 2, 3, 4, 5, 6, 7])
    }))
    iterator_age_s              = optional(number, 300)
    http_errors_percent         = optional(number, 1)
    viewers_not_reached_percent = optional(number, 1)
  })

  validation {
    condition     = alltrue([for email in var.alarms.emails : strcontains(email, "@")])
    error_message = "Each of alarms.emails must contain an @."
  }

  validation {
    condition     = alltrue([for silence in var.alarms.silence[*] : silence.minutes >= 5 && silence.minutes <= 1440])
    error_message = "alarms.silence.minutes must be between 5 and 1440 (one day, CloudWatch's maximum)."
  }

  validation {
    condition = alltrue([
      for silence in var.alarms.silence[*] :
      contains(range(24), silence.from_hour) && contains(range(1, 25), silence.to_hour) && silence.from_hour != silence.to_hour
    ])
    error_message = "alarms.silence.from_hour must be a whole hour from 0 to 23 (UTC), to_hour one from 1 to 24, and they must differ."
  }

  validation {
    condition     = alltrue([for silence in var.alarms.silence[*] : length(silence.days) > 0 && length(setsubtract(silence.days, range(1, 8))) == 0])
    error_message = "alarms.silence.days must have at least one day, from 1 (Monday) to 7 (Sunday)."
  }

  validation {
    condition     = var.alarms.iterator_age_s >= 180 && var.alarms.iterator_age_s <= var.stream.retention_hours * 3600 / 4
    error_message = "alarms.iterator_age_s must be between 180 and a quarter of the stream's retention, which leaves time for a repair."
  }

  validation {
    condition     = alltrue([for percent in [var.alarms.http_errors_percent, var.alarms.viewers_not_reached_percent] : percent > 0 && percent < 100])
    error_message = "alarms.http_errors_percent and alarms.viewers_not_reached_percent must be greater than 0 and less than 100."
  }
}
