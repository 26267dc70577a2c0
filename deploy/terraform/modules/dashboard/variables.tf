variable "name" {
  description = "Name of the dashboard."
  type        = string
}

variable "region" {
  description = "The region of the metrics."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "measured" {
  description = "What our own components measure, in the form of generated/definitions.json."
  type = object({
    namespace  = string
    dimension  = string
    components = map(map(string))
  })
}

variable "logged" {
  description = "The metrics that are made of log lines."
  type = object({
    errors           = object({ namespace = string, name = string })
    authorizer_ended = object({ namespace = string, name = string })
  })
}

variable "watched" {
  description = "The names under which AWS's services measure; see the module alarms."
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

variable "alarm_arns" {
  description = "The alarms that it shows first."
  type        = list(string)
}
