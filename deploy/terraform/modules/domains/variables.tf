variable "zone_id" {
  description = "Public hosted zone of Route 53 that contains the names."
  type        = string
}

variable "behind_edge" {
  description = "Purposes whose name resolves to the CDN in front of the API. This module creates no DNS record for them."
  type        = set(string)
  default     = []
}

variable "domains" {
  description = "Map from purpose to the name, and the API and stage behind it."
  type = map(object({
    name   = string
    api_id = string
    stage  = string
  }))

  validation {
    condition     = alltrue([for one in values(var.domains) : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", one.name))])
    error_message = "Each name must be a complete host name in lower-case letters, such as trucks.example.com."
  }

  validation {
    condition     = length(distinct([for one in values(var.domains) : one.name])) == length(var.domains)
    error_message = "Two purposes must not have the same name."
  }
}
