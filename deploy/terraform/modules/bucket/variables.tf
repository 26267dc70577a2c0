variable "name" {
  description = "Name of the bucket: unique in the world, so it holds the account's number."
  type        = string
}

variable "expires_after_days" {
  description = "Days after which an object is deleted; null for none."
  type        = number

  validation {
    condition     = var.expires_after_days == null || try(var.expires_after_days >= 1, false)
    error_message = "At least one day."
  }
}

variable "force_destroy" {
  description = "Whether a destroy deletes what is in it."
  type        = bool
}

variable "statements" {
  description = "Of its policy: what others than this account's roles may do with its objects."
  type        = any
  default     = []
}
