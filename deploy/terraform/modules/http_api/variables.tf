variable "name" {
  description = "Name of the API."
  type        = string
}

variable "issuer" {
  description = "Issuer of accepted tokens: the identity provider's URL."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "issuer must be an https URL."
  }
}

variable "audience" {
  description = "Required audience of tokens."
  type        = string

  validation {
    condition     = length(var.audience) > 0
    error_message = "audience must not be empty: otherwise every token of the issuer would be accepted."
  }
}

variable "functions" {
  description = "Routes of each function, as METHOD /path. Open routes need no token."
  type = map(object({
    name       = string
    invoke_arn = string
    routes     = list(string)

    open_routes = optional(list(string), [])
  }))

  validation {
    condition     = length(flatten([for function in values(var.functions) : concat(function.routes, function.open_routes)])) == length(distinct(flatten([for function in values(var.functions) : concat(function.routes, function.open_routes)])))
    error_message = "Two functions must not have the same route."
  }
}

variable "throttle" {
  description = "Limit of requests per second, and burst, for all clients together."
  type = object({
    requests_per_second = number
    burst               = number
  })

  validation {
    condition     = var.throttle.requests_per_second > 0 && var.throttle.burst > 0
    error_message = "throttle.requests_per_second and throttle.burst must be greater than 0: with 0, every request would be rejected."
  }
}

variable "allowed_origins" {
  description = "Origins of pages that may call the API (CORS)."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.allowed_origins, "*")
    error_message = "allowed_origins must list the pages' origins; * is not allowed."
  }

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[A-Za-z0-9.-]+(:\\d+)?$", origin))])
    error_message = "An origin must be a scheme and a host, without a path or a slash at the end."
  }
}

variable "pages" {
  description = "Methods and headers that pages may use, and the seconds for which a preflight is cached, in the form of definitions.json."
  type = object({
    methods            = list(string)
    request_headers    = list(string)
    response_headers   = list(string)
    preflight_cached_s = number
  })
}

variable "has_own_domain" {
  description = "Whether the API has its own domain names. If so, execute-api's host is disabled."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days for which the access log is kept."
  type        = number
}
