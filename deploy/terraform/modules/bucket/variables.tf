variable "name" {
  description = "Name of the bucket. It contains the account number, because bucket names are unique worldwide."
  type        = string
}

variable "expires_after_days" {
  description = "Days after which an object is deleted. Null: never."
  type        = number

  validation {
    condition     = var.expires_after_days == null || try(var.expires_after_days >= 1, false)
    error_message = "expires_after_days must be at least 1, or null."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy also deletes the objects in it."
  type        = bool
}

variable "statements" {
  description = "Statements of its policy for principals other than this account's roles."
  type        = any
  default     = []
}
