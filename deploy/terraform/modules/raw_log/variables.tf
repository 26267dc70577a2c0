variable "name" {
  description = "Name of the delivery stream."
  type        = string
}

variable "stream_arn" {
  description = "The stream it reads."
  type        = string
}

variable "domain_arn" {
  description = "The OpenSearch domain it writes to."
  type        = string
}

variable "role_arn" {
  description = "Its role: for the stream, the domain, the bucket and its interfaces."
  type        = string
}

variable "index_prefix" {
  description = "The indexes' name without the day."
  type        = string
}

variable "backup_bucket_arn" {
  description = "Where everything goes too."
  type        = string
}

variable "subnet_ids" {
  description = "Where its interfaces are."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of its interfaces."
  type        = string
}

variable "buffering_interval_s" {
  description = "Seconds that a point may wait."
  type        = number
  default     = 60

  validation {
    condition     = var.buffering_interval_s >= 0 && var.buffering_interval_s <= 900
    error_message = "0 to 900 s."
  }
}

variable "buffering_size_mb" {
  description = "MB that are written at once."
  type        = number
  default     = 5

  validation {
    condition     = var.buffering_size_mb >= 1 && var.buffering_size_mb <= 100
    error_message = "1 to 100 MB."
  }
}

variable "log_retention_days" {
  description = "Days for which its error log is kept."
  type        = number
}
