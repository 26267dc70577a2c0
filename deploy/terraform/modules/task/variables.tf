variable "name" {
  description = "Name of the task definition, its container and, after /aws/ecs/, its log."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "image" {
  description = "The image, with its tag: the digest of what it was built from."
  type        = string

  validation {
    condition     = can(regex(":[0-9a-f]{12,64}$", var.image))
    error_message = "The tag must be a digest: what runs must be told from what ran before."
  }
}

variable "image_repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}

variable "task_role_arn" {
  description = "The role of what runs in the container."
  type        = string
}

variable "environment" {
  description = "Its environment variables."
  type        = map(string)
}

variable "required_environment" {
  description = "Variables without which it would not start."
  type        = set(string)
  default     = []
}

variable "cpu" {
  description = "Processor of a task: 1024 is one."
  type        = number

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MB."
  type        = number

  validation {
    condition     = var.memory_mb >= 2 * var.cpu && var.memory_mb <= 8 * var.cpu
    error_message = "Fargate takes twice to eight times the number of cpu."
  }
}

variable "cpu_architecture" {
  description = "What the image was built for."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "log_retention_days" {
  description = "Days for which its log is kept."
  type        = number
}
