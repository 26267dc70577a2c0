variable "name" {
  description = "How the alarms' names begin."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "emails" {
  description = "Who is told by mail; each address must confirm once."
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
  })
}

variable "promised" {
  description = "What the system is made for, from which limits follow: seconds between rounds, GB a node of OpenSearch has, seconds after which the queues give a message up, hours for which the stream can be read again."
  type = object({
    round_interval_s       = number
    search_volume_gb       = number
    nudges_given_up_s      = number
    stream_retention_hours = number
  })
}

variable "no_points_minutes" {
  description = "Minutes without a single point after which somebody is told; null where no trucks may well be none on the road."
  type        = number
  default     = null

  validation {
    condition     = var.no_points_minutes == null ? true : var.no_points_minutes >= 5 && var.no_points_minutes <= 1440
    error_message = "5 minutes to a day (CloudWatch looks back no further), or null."
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
  description = "Percent of HTTP requests that may be answered with 5xx."
  type        = number
  default     = 1

  validation {
    condition     = var.http_errors_percent > 0 && var.http_errors_percent < 100
    error_message = "Between 0 and 100."
  }
}

variable "viewers_not_reached_percent" {
  description = "Percent of the viewers whom a round may fail to tell for reasons of ours."
  type        = number
  default     = 1

  validation {
    condition     = var.viewers_not_reached_percent > 0 && var.viewers_not_reached_percent < 100
    error_message = "Between 0 and 100."
  }
}
