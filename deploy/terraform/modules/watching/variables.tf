variable "name" {
  description = "Name of the dashboard; the alarms' names begin so."
  type        = string
}

variable "account" {
  description = "Where it is deployed."
  type = object({
    id     = string
    region = string
  })
}

variable "emails" {
  description = "Addresses that get alarms by mail; each must confirm once."
  type        = set(string)

  validation {
    condition     = alltrue([for email in var.emails : strcontains(email, "@")])
    error_message = "An address has an @."
  }
}

variable "measured" {
  description = "What our own components measure, in the form of generated/definitions.json."
  type = object({
    namespace  = string
    dimension  = string
    components = map(map(string))
  })
}

variable "watched" {
  description = "The names under which AWS's services measure."
  type = object({
    stream_name          = string
    table_names          = map(string)
    function_names       = map(string)
    queue_names          = map(string)
    dead_letter_names    = map(string)
    domain_name          = string
    delivery_stream_name = string
    http_api_id          = string
    socket_api           = object({ id = string, stage = string })
    log_group_names      = map(string)
    device_messages      = optional(object({ stream_name = string, failed_queue_name = string, rule_name = string, event_source_uuid = string }))
  })
}

variable "services" {
  description = "The containers' services: the cluster's name, and the services' names by container."
  type = object({
    cluster_name = string
    names        = map(string)
  })
}

variable "promised" {
  description = "What the system is made for, from which limits follow: seconds between rounds, the share of them over which a round is spread, GB a node of OpenSearch has, nodes of it, seconds after which the queues give a message up, hours for which the stream can be read again."
  type = object({
    round_interval_s       = number
    round_spread           = number
    search_volume_gb       = number
    search_nodes           = number
    nudges_given_up_s      = number
    stream_retention_hours = number
  })
}

variable "silence" {
  description = "When it is an alarm that no point comes: for so many minutes, between these hours (UTC; past midnight where the first is the later) of these days (of UTC; 1 is Monday). Null: never."
  type = object({
    minutes   = optional(number, 15)
    from_hour = number
    to_hour   = number
    days      = optional(set(number), [1, 2, 3, 4, 5, 6, 7])
  })
  default = null

  validation {
    condition     = var.silence == null ? true : var.silence.minutes >= 5 && var.silence.minutes <= 1440
    error_message = "5 minutes to a day (CloudWatch looks back no further)."
  }

  validation {
    condition = var.silence == null ? true : alltrue([
      contains(range(24), var.silence.from_hour),
      contains(range(1, 25), var.silence.to_hour),
      var.silence.from_hour != var.silence.to_hour,
    ])
    error_message = "Whole hours of UTC, from 0 to 23 until 1 to 24, and not the same."
  }

  validation {
    condition     = var.silence == null ? true : length(var.silence.days) > 0 && length(setsubtract(var.silence.days, range(1, 8))) == 0
    error_message = "Days are 1 (Monday) to 7 (Sunday), one at least."
  }
}

variable "iterator_age_s" {
  description = "Seconds that points may wait in the stream. Not less than the 180 s in which a lost task's shards go on elsewhere."
  type        = number
  default     = 300

  validation {
    condition     = var.iterator_age_s >= 180 && var.iterator_age_s <= var.promised.stream_retention_hours * 3600 / 4
    error_message = "180 s to a quarter of what the stream keeps: the rest is the time there is to act."
  }
}

variable "http_errors_percent" {
  description = "Percent of HTTP requests that may get 5xx."
  type        = number
  default     = 1

  validation {
    condition     = var.http_errors_percent > 0 && var.http_errors_percent < 100
    error_message = "Between 0 and 100."
  }
}

variable "viewers_not_reached_percent" {
  description = "Percent of the viewers that a round may fail to reach for causes within the system."
  type        = number
  default     = 1

  validation {
    condition     = var.viewers_not_reached_percent > 0 && var.viewers_not_reached_percent < 100
    error_message = "Between 0 and 100."
  }
}
