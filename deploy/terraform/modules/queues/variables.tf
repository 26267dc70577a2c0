variable "name_prefix" {
  description = "How the queues' names begin."
  type        = string
}

variable "queues" {
  description = "The queues by logical name, in the form of generated/definitions.json; without dead letters three are null."
  type = map(object({
    name_suffix             = string
    dead_letter_name_suffix = optional(string)
    visibility_timeout_s    = number
    retention_s             = number
    max_receive_count       = optional(number)
    dead_letter_retention_s = optional(number)
  }))

  validation {
    condition     = alltrue([for queue in values(var.queues) : queue.dead_letter_retention_s == null ? true : queue.dead_letter_retention_s > queue.retention_s])
    error_message = "A dead letter keeps its age: its queue must keep it longer than the queue it came from."
  }

  validation {
    condition = alltrue([
      for queue in values(var.queues) :
      length(distinct([queue.dead_letter_name_suffix == null, queue.max_receive_count == null, queue.dead_letter_retention_s == null])) == 1
    ])
    error_message = "Dead letters need a name, a count and a retention; without them a queue has none of the three."
  }
}
