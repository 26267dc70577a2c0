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

variable "log_retention_days" {
  description = "Days for which its error log is kept."
  type        = number
}
