variable "name" {
  description = "Name of the stream."
  type        = string
}

variable "shard_count" {
  description = "Shards, each 1 MB/s and 1,000 records a second; null for on demand."
  type        = number
  default     = null

  validation {
    condition     = var.shard_count == null ? true : var.shard_count >= 1 && var.shard_count <= 500
    error_message = "1 to 500 shards, or null for on demand."
  }
}

variable "retention_hours" {
  description = "Hours for which points can be read again: the time there is to repair a consumer."
  type        = number

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "Kinesis keeps records for 24 to 8760 hours."
  }
}
