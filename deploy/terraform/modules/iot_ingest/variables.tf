variable "name" {
  description = "How every name begins."
  type        = string

  validation {
    condition     = length(var.name) <= 29
    error_message = "At most 29 characters: a provisioning template's name has 36."
  }
}

variable "account" {
  description = "Where it is deployed."
  type = object({
    id        = string
    region    = string
    partition = string
  })
}

variable "function_names" {
  description = "Names of the Lambdas: iot takes the messages, iot-enrollment is the hook."
  type        = map(string)
}

variable "hook_arn" {
  description = "ARN of the hook."
  type        = string
}

variable "stream_name" {
  description = "Name of the small stream."
  type        = string
}

variable "queue_name" {
  description = "Name of the queue of what the small stream did not take."
  type        = string
}

variable "given_up_bucket_arn" {
  description = "The bucket of records that the Lambda could not take in half of the stream's retention."
  type        = string
}

variable "shard_count" {
  description = "Shards of the small stream: 1,000 messages per second each."
  type        = number
  default     = 1

  validation {
    condition     = var.shard_count >= 1 && var.shard_count <= 500 && floor(var.shard_count) == var.shard_count
    error_message = "1 to 500 shards."
  }
}

variable "retention_hours" {
  description = "Hours for which the small stream keeps a message that the Lambda has not processed."
  type        = number
}

variable "parallelization_factor" {
  description = "Batches of a shard that are processed at once; a truck's stay in order."
  type        = number
  default     = 1

  validation {
    condition     = contains(range(1, 11), var.parallelization_factor)
    error_message = "1 to 10."
  }
}
