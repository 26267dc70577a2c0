variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = length(var.name) <= 64
    error_message = "IAM allows names of at most 64 characters."
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
    error_message = "A service's principal ends with .amazonaws.com."
  }
}

variable "for_account_id" {
  description = "Account for which the service must act. Null: the service does not name an account."
  type        = string
  default     = null

  validation {
    condition     = var.for_account_id != null || !contains(["ecs-tasks", "firehose", "iot", "lambda"], split(".", var.service)[0])
    error_message = "This service names the account for which it acts: set it."
  }
}

variable "statements" {
  description = "All that the role may do. A statement for every resource must say why."
  type = list(object({
    sid                = string
    actions            = list(string)
    resources          = list(string)
    condition          = optional(map(map(list(string))), {})
    why_every_resource = optional(string, "")
  }))

  validation {
    condition     = length(var.statements) > 0
    error_message = "A role needs at least one permission."
  }

  validation {
    condition = alltrue([
      for statement in var.statements :
      !contains(statement.resources, "*") || length(statement.why_every_resource) >= 20
    ])
    error_message = "A statement for every resource (\"*\") needs its reason in why_every_resource."
  }

  validation {
    condition = alltrue(flatten([
      for statement in var.statements : [for action in statement.actions : !endswith(action, ":*") && action != "*"]
    ]))
    error_message = "List the actions: all actions of a service are too many."
  }
}
