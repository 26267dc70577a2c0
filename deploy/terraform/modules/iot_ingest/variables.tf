variable "name" {
  description = "Prefix of every resource name."
  type        = string

  validation {
    condition     = length(var.name) <= 29
    error_message = "name must have at most 29 characters, because a provisioning template's name may have 36."
  }
}

variable "account" {
  description = "The account, region and partition of the deployment."
  type = object({
    id        = string
    region    = string
    partition = string
  })
}

variable "function_names" {
  description = "Names of the Lambdas: iot processes the messages, iot-enrollment is the provisioning hook."
  type        = map(string)
}

variable "hook_arn" {
  description = "ARN of the provisioning hook."
  type        = string
}

variable "stream_name" {
  description = "Name of the device stream."
  type        = string
}

variable "queue_name" {
  description = "Name of the queue for messages that could not be written into the device stream."
  type        = string
}

variable "given_up_bucket_arn" {
  description = "ARN of the bucket for records that the Lambda could not process within half of the device stream's retention."
  type        = string
}

variable "shard_count" {
  description = "Number of shards of the device stream. Each accepts 1,000 messages per second."
  type        = number
  default     = 1

  validation {
    condition     = var.shard_count >= 1 && var.shard_count <= 500 && floor(var.shard_count) == var.shard_count
    error_message = "shard_count must be a whole number between 1 and 500."
  }
}

variable "retention_hours" {
  description = "Hours for which the device stream keeps a message that the Lambda has not processed."
  type        = number
}

variable "parallelization_factor" {
  description = "Number of batches per shard that are processed at once. A truck's messages stay in order."
  type        = number
  default     = 1

  validation {
    condition     = contains(range(1, 11), var.parallelization_factor)
    error_message = "parallelization_factor must be between 1 and 10."
  }
}
