variable "name" {
  description = "How every name begins, such as rtdts-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,19}$", var.name))
    error_message = "3 to 20 small letters, digits and hyphens: it is also the domain's name."
  }
}

variable "account" {
  description = "Where it is deployed."
  type = object({
    id        = string
    region    = string
    partition = string
  })

  validation {
    condition     = can(regex("^\\d{12}$", var.account.id))
    error_message = "An account's id has twelve digits."
  }
}

variable "network" {
  description = "The VPC; see the module network."
  type = object({
    availability_zones  = list(string)
    nat_gateways        = number
    cidr_block          = optional(string, "10.40.0.0/16")
    interface_endpoints = optional(set(string), [])
  })
}

variable "stream" {
  description = "The stream. Each shard takes 1 MB and 1,000 records per second; null for on demand."
  type = object({
    shard_count     = optional(number)
    retention_hours = number
  })

  validation {
    condition     = var.stream.shard_count == null ? true : var.stream.shard_count >= 1 && var.stream.shard_count <= 500
    error_message = "1 to 500 shards, or null for on demand."
  }

  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760
    error_message = "Kinesis keeps records for 24 to 8760 hours."
  }
}

variable "search" {
  description = "The OpenSearch domain. engine_version: the newest that both the domain and Firehose take (docs/deploy.md). volume_gb: of each data node. dedicated_master_type: of three masters, or none. shards: primary shards of each index that is created from now on."
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
    error_message = "Such as OpenSearch_2.19; index templates as we write them need 2 or later."
  }

  validation {
    condition     = var.search.instance_count >= 1 && var.search.instance_count % max(var.search.zones, 1) == 0
    error_message = "Each zone must have as many nodes as the others, one at least."
  }

  validation {
    condition     = endswith(var.search.instance_type, ".search") && var.search.volume_gb >= 10
    error_message = "A type of OpenSearch Service ends with .search; a data node has 10 GB at least."
  }

  validation {
    condition     = !(startswith(var.search.instance_type, "t") && var.search.zones > 1)
    error_message = "Burstable nodes have no place where three zones are wanted."
  }

  validation {
    condition     = var.search.zones >= 1 && var.search.zones <= length(var.network.availability_zones)
    error_message = "No more zones than the VPC has."
  }

  validation {
    condition     = var.search.shards >= 1 && var.search.shards <= 100 && floor(var.search.shards) == var.search.shards
    error_message = "An index has 1 to 100 primary shards."
  }

  validation {
    condition     = 2 * var.search.shards * (var.retention.positions_days + var.retention.raw_days + 2) <= 1000 * var.search.instance_count
    error_message = "OpenSearch takes 1,000 shards per node, replicas counted: fewer shards, fewer days, or more nodes."
  }
}

variable "protection" {
  description = "What keeps data from being lost by mistake."
  type = object({
    point_in_time_recovery = bool
    deletion_protection    = bool
  })
}

variable "retention" {
  description = "Days for which things are kept."
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
    error_message = "CloudWatch Logs keeps 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400 days."
  }

  validation {
    condition     = var.retention.raw_backup_days >= var.retention.raw_days
    error_message = "The backup must outlive what it is the backup of."
  }

  validation {
    condition     = var.retention.raw_days >= 1 && var.retention.raw_days <= 365 && var.retention.positions_days >= 8 && var.retention.positions_days <= 3650
    error_message = "1 to 365 days of the raw log, 8 to 3650 of the history: a point may be 7 days old when it comes."
  }
}

variable "identity" {
  description = "The identity provider: issuer URL, audience, and the claim that names a token's holder."
  type = object({
    issuer   = string
    audience = string
    claim    = optional(string, "sub")
  })
}

variable "http_throttle" {
  description = "Requests per second, and at once, over all clients."
  type = object({
    requests_per_second = number
    burst               = number
  })
}

variable "gateway_requests_per_second" {
  description = "Requests per second that this system may use of the account's quota, 10,000 for all APIs of a region. What http_throttle leaves of it is divided among the broadcaster's tasks, as if all of max_tasks ran."
  type        = number

  validation {
    condition     = var.gateway_requests_per_second - var.http_throttle.requests_per_second >= var.broadcaster.max_tasks
    error_message = "http_throttle must leave each of the broadcaster's tasks at least one post per second."
  }
}

variable "reserved_concurrency" {
  description = "How many of each function may run at once, and are kept from all others; a function that is left out shares what the account has left."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), ["ingest", "delivery", "track", "socket", "socket-authorizer", "iot", "iot-enrollment"])) == 0
    error_message = "Of ingest, delivery, track, socket, socket-authorizer, iot and iot-enrollment only."
  }

  validation {
    condition     = alltrue([for count in values(var.reserved_concurrency) : count >= 1])
    error_message = "With 0 a function would never run."
  }
}

variable "edge" {
  description = "Whether CloudFront with AWS WAF stands before people's routes and the socket; it needs domains. Trucks' /telemetry goes to the gateway directly."
  type        = bool
  default     = false

  validation {
    condition     = !var.edge || var.domains != null
    error_message = "An edge needs names of its own: domains."
  }
}

variable "edge_requests_per_address" {
  description = "Requests and new sockets that one address may send through the edge per minute."
  type        = number
  default     = 600
}

variable "socket_throttle" {
  description = "Socket messages per second, and at once, over all viewers."
  type = object({
    requests_per_second = number
    burst               = number
  })
}

variable "domains" {
  description = "Names before the APIs, in a hosted zone of Route 53: trucks' and people's for the HTTP API, socket for the WebSocket API. Null: execute-api's own hosts."
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
  description = "The consumer's tasks. One processor serves several shards; more tasks than shards would idle."
  type = object({
    cpu            = number
    memory_mb      = number
    min_tasks      = number
    max_tasks      = number
    retrieval_mode = optional(string, "POLLING")
  })

  validation {
    condition     = contains(["POLLING", "FANOUT"], var.consumer.retrieval_mode)
    error_message = "POLLING or FANOUT."
  }

  validation {
    condition     = var.stream.shard_count == null ? true : var.consumer.max_tasks <= var.stream.shard_count
    error_message = "At most one task per shard."
  }
}

variable "broadcaster" {
  description = "The broadcaster's tasks. One serves the first 100,000 viewers; several divide each round among themselves."
  type = object({
    cpu       = number
    memory_mb = number
    min_tasks = number
    max_tasks = number
  })
}

variable "iot_ingest" {
  description = "The ingest endpoint for trucks over AWS IoT Core; see the module iot_ingest. Null: none."
  type = object({
    shard_count            = optional(number, 1)
    parallelization_factor = optional(number, 1)
  })
  default = null
}

variable "mqtt_bridge" {
  description = "The bridge to an MQTT broker of one's own: the broker's host and the addresses that it may have, the bridge's user, and its tasks. The password is in Secrets Manager. Null: no bridge."
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
    error_message = "A broker has a host name without a scheme, a port of 1 to 65535, and addresses in CIDR notation."
  }

  validation {
    condition     = var.mqtt_bridge == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+$", var.mqtt_bridge.password_secret_arn))
    error_message = "The password is a secret of Secrets Manager: its ARN, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME."
  }
}

variable "container_insights" {
  description = "Whether ECS measures each task, at a price."
  type        = bool
}

variable "cpu_architecture" {
  description = "What the images were built for."
  type        = string
  default     = "ARM64"
}

variable "image_tags" {
  description = "Tags of the images: the digest of what each was built from (make images)."
  type = object({
    consumer    = string
    broadcaster = string
    operations  = string
    mqtt_bridge = string
  })
}

variable "packages_folder" {
  description = "Where the Lambdas' zips and the code's definitions are (make package)."
  type        = string
}

variable "settings" {
  description = "More settings, by their names in docs/settings.md. Each deployable gets those that it declares."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setsubtract(keys(var.settings), flatten([
      for kind in ["functions", "containers"] : [for deployable in values(local.definitions[kind]) : keys(deployable.settings)]
    ]))) == 0
    error_message = "A setting that no deployable declares."
  }
}

variable "region_singletons" {
  description = "What a region has once. api_gateway_log_role: none (sockets' access log is off), there, or make, which replaces the region's. iot_logs: whether IoT Core shall log errors, which replaces the region's role and level. opensearch_service_linked_role: false where the account has it."
  type = object({
    api_gateway_log_role           = optional(string, "none")
    iot_logs                       = optional(bool, false)
    opensearch_service_linked_role = optional(bool, true)
  })
  default = {}

  validation {
    condition     = contains(["none", "there", "make"], var.region_singletons.api_gateway_log_role)
    error_message = "none, there or make."
  }
}

variable "alarms" {
  description = "The addresses that get alarms by mail (each must confirm once), and the alarms' limits. silence: when it is an alarm that no point comes, for so many minutes, between these hours (UTC; past midnight where the first is the later) of these days (of UTC; 1 is Monday); null for never. iterator_age_s: seconds that points may wait in the stream, not less than the 180 s in which a lost task's shards go on elsewhere. The percents: of HTTP requests that may get 5xx, and of viewers that a round may fail to reach for causes within the system."
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
    error_message = "An address has an @."
  }

  validation {
    condition     = alltrue([for silence in var.alarms.silence[*] : silence.minutes >= 5 && silence.minutes <= 1440])
    error_message = "5 minutes to a day (CloudWatch looks back no further)."
  }

  validation {
    condition = alltrue([
      for silence in var.alarms.silence[*] :
      contains(range(24), silence.from_hour) && contains(range(1, 25), silence.to_hour) && silence.from_hour != silence.to_hour
    ])
    error_message = "Whole hours of UTC, from 0 to 23 until 1 to 24, and not the same."
  }

  validation {
    condition     = alltrue([for silence in var.alarms.silence[*] : length(silence.days) > 0 && length(setsubtract(silence.days, range(1, 8))) == 0])
    error_message = "Days are 1 (Monday) to 7 (Sunday), one at least."
  }

  validation {
    condition     = var.alarms.iterator_age_s >= 180 && var.alarms.iterator_age_s <= var.stream.retention_hours * 3600 / 4
    error_message = "180 s to a quarter of what the stream keeps: the rest is the time there is to act."
  }

  validation {
    condition     = alltrue([for percent in [var.alarms.http_errors_percent, var.alarms.viewers_not_reached_percent] : percent > 0 && percent < 100])
    error_message = "A percentage is between 0 and 100."
  }
}
