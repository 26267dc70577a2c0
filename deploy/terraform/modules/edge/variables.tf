variable "name" {
  description = "Name of the web ACL and its metrics."
  type        = string
}

variable "zone_id" {
  description = "The public hosted zone of Route 53 that holds the names."
  type        = string
}

variable "fronts" {
  description = "By purpose: the name that clients use, and the gateway's host behind it, which serves the same name."
  type = map(object({
    name   = string
    origin = string
  }))
}

variable "secret_header" {
  description = "The header that is added to each request."
  type        = string
}

variable "secret" {
  description = "Its value, a secret of CDN and gateway."
  type        = string
  sensitive   = true
}

variable "requests_per_address" {
  description = "Requests and new sockets that one address may send per minute."
  type        = number
  default     = 600

  validation {
    condition     = var.requests_per_address >= 10
    error_message = "AWS WAF takes 10 at least."
  }
}
