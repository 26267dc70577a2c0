variable "name" {
  description = "Name of the API."
  type        = string
}

variable "route_selection_expression" {
  description = "Expression that selects a message's route."
  type        = string
}

variable "routes" {
  description = "The route keys."
  type        = set(string)

  validation {
    condition     = length(setsubtract(["$connect", "$disconnect", "$default"], var.routes)) == 0
    error_message = "routes must contain $connect, $disconnect and $default."
  }
}

variable "authorized_route" {
  description = "Route with the authorizer. API Gateway allows one only for $connect."
  type        = string

  validation {
    condition     = contains(var.routes, var.authorized_route)
    error_message = "authorized_route must be one of the routes: otherwise connections would not be authorized."
  }
}

variable "handler" {
  description = "The function that handles every route."
  type = object({
    name       = string
    invoke_arn = string
  })
}

variable "authorizer" {
  description = "The function that authorizes connections."
  type = object({
    name       = string
    invoke_arn = string
  })
}

variable "throttle" {
  description = "Limit of messages (connects included) per second, and burst, for all viewers together."
  type = object({
    requests_per_second = number
    burst               = number
  })

  validation {
    condition     = var.throttle.requests_per_second > 0 && var.throttle.burst > 0
    error_message = "throttle.requests_per_second and throttle.burst must be greater than 0: with 0, every message would be rejected."
  }
}

variable "access_logs" {
  description = "Whether to log each request. The region must have a role for it."
  type        = bool
}

variable "log_retention_days" {
  description = "Days for which the access log is kept."
  type        = number
}
