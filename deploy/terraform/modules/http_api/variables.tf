variable "name" {
  description = "Name of the API."
  type        = string
}

variable "issuer" {
  description = "Whose tokens it takes: the identity provider's URL."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "An issuer is an https URL."
  }
}

variable "audience" {
  description = "The audience that tokens must name."
  type        = string

  validation {
    condition     = length(var.audience) > 0
    error_message = "Without an audience any of the issuer's tokens would do."
  }
}

variable "functions" {
  description = "The routes of each function, as METHOD /path; open ones need no token."
  type = map(object({
    name       = string
    invoke_arn = string
    routes     = list(string)

    open_routes = optional(list(string), [])
  }))

  validation {
    condition     = length(flatten([for function in values(var.functions) : concat(function.routes, function.open_routes)])) == length(distinct(flatten([for function in values(var.functions) : concat(function.routes, function.open_routes)])))
    error_message = "Two functions have the same route."
  }
}

variable "throttle" {
  description = "Requests per second, and at once, that all clients together may send."
  type = object({
    requests_per_second = number
    burst               = number
  })

  validation {
    condition     = var.throttle.requests_per_second > 0 && var.throttle.burst > 0
    error_message = "Zero would reject every request."
  }
}

variable "allowed_origins" {
  description = "Origins of pages that may call it (CORS)."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.allowed_origins, "*")
    error_message = "Name the pages."
  }

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[A-Za-z0-9.-]+(:\\d+)?$", origin))])
    error_message = "An origin is a scheme and a host, without a path or a slash at its end."
  }
}

variable "pages" {
  description = "What those pages may do, in the form of definitions.json."
  type = object({
    methods          = list(string)
    request_headers  = list(string)
    response_headers = list(string)
    preflight_kept_s = number
  })
}

variable "has_own_domain" {
  description = "Whether names of our own lead to it; execute-api's host is closed then."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days for which its access log is kept."
  type        = number
}
