variable "name" {
  description = "Name of the domain."
  type        = string
}

variable "engine_version" {
  description = "The newest that both the domain and Firehose take: see docs/deploy.md before raising it."
  type        = string

  validation {
    condition     = can(regex("^OpenSearch_[2-9]\\.\\d+$", var.engine_version))
    error_message = "Such as OpenSearch_2.19; index templates as we write them need 2 or later."
  }
}

variable "instance_type" {
  description = "Type of the data nodes."
  type        = string

  validation {
    condition     = endswith(var.instance_type, ".search")
    error_message = "A type of OpenSearch Service ends with .search."
  }
}

variable "instance_count" {
  description = "Number of data nodes."
  type        = number

  validation {
    condition     = var.instance_count >= 1
    error_message = "At least one."
  }
}

variable "dedicated_master_type" {
  description = "Type of the three master nodes; null for none."
  type        = string
  default     = null
}

variable "volume_gb" {
  description = "Disk of each data node in GB."
  type        = number

  validation {
    condition     = var.volume_gb >= 10
    error_message = "At least 10 GB."
  }
}

variable "subnet_ids" {
  description = "A subnet a zone: one, two or three."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1 && length(var.subnet_ids) <= 3
    error_message = "One to three subnets."
  }
}

variable "security_group_id" {
  description = "Security group of the domain."
  type        = string
}

variable "admin_role_arn" {
  description = "The role that may do everything in it: search_admin_lambda's."
  type        = string
}

variable "client_role_arns" {
  description = "The roles that may reach it."
  type        = list(string)
}

variable "account" {
  description = "Where it is deployed."
  type = object({
    id        = string
    region    = string
    partition = string
  })
}

variable "log_retention_days" {
  description = "Days for which its logs are kept."
  type        = number
}
