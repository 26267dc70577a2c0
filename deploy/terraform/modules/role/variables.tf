variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = length(var.name) <= 64
    error_message = "name must have at most 64 characters, IAM's limit."
  }
}

variable "description" {
  description = "Purpose of the role."
  type        = string
}

variable "service" {
  description = "Service that may assume the role, such as lambda.amazonaws.com."
  type        = string

  validation {
    condition     = endswith(var.service, ".amazonaws.com")
    error_message = "service must end with .amazonaws.com."
  }
}

variable "for_account_id" {
  description = "Account for which the service may assume the role. Null: for services that do not state the account."
  type        = string
  default     = null

  validation {
    condition     = var.for_account_id != null || !contains(["ecs-tasks", "firehose", "iot", "lambda"], split(".", var.service)[0])
    error_message = "for_account_id is required for this service, because it states the account for which it acts."
  }
}

variable "statements" {
  description = "All permissions of the role. A statement for every resource (*) needs a reason in why_every_resource."
  type = list(object({
    sid                = string
    actions            = list(string)
    resources          = list(string)
    condition          = optional(map(map(list(string))), {})
    why_every_resource = optional(string, "")
  }))

  validation {
    condition     = length(var.statements) > 0
    error_message = "statements must have at least one entry."
  }

  validation {
    condition = alltrue([
      for statement in var.statements :
      !contains(statement.resources, "*") || length(statement.why_every_resource) >= 20
    ])
    error_message = "A statement for every resource (*) needs a reason in why_every_resource, of at least 20 characters."
  }

  validation {
    condition = alltrue(flatten([
      for statement in var.statements : [for action in statement.actions : !endswith(action, ":*") && action != "*"]
    ]))
    error_message = "A statement must list its actions: all actions of a service, such as s3:*, are not allowed."
  }
}
