variable "name_prefix" {
  description = "How the queues' names begin."
  type        = string
}

variable "queues" {
  description = "The queues by logical name, in the form of generated/definitions.json."
  type = map(object({
    name_suffix             = string
    dead_letter_name_suffix = string
    visibility_timeout_s    = number
    retention_s             = number
    max_receive_count       = number
    dead_letter_retention_s = number
  }))

  validation {
    condition = alltrue([
      for queue in values(var.queues) :
      endswith(queue.name_suffix, ".fifo") && endswith(queue.dead_letter_name_suffix, ".fifo")
    ])
    error_message = "A FIFO queue's name ends with .fifo."
  }

  validation {
    condition     = alltrue([for queue in values(var.queues) : queue.dead_letter_retention_s > queue.retention_s])
    error_message = "A dead letter keeps its age: its queue must keep it longer than the queue it came from."
  }
}
