variable "name" {
  description = "Name of the web ACL and its metrics."
  type        = string
}

variable "zone_id" {
  description = "Public hosted zone of Route 53 that contains the names."
  type        = string
}

variable "fronts" {
  description = "Map from purpose to the name that clients use and the gateway's host behind it, which serves the same name."
  type = map(object({
    name   = string
    origin = string
  }))
}

variable "secret_header" {
  description = "Name of the header that the CDN adds to each request."
  type        = string
}

variable "secret" {
  description = "Value of that header: a secret that the CDN shares with the Lambdas."
  type        = string
  sensitive   = true
}

variable "requests_per_address" {
  description = "Requests and new sockets that one address may send per minute."
  type        = number
  default     = 600

  validation {
    condition     = var.requests_per_address >= 10
    error_message = "requests_per_address must be at least 10, AWS WAF's minimum."
  }
}
