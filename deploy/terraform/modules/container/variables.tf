variable "name" {
  description = "Name of the task definition, its container, the service if it is one and, after /aws/ecs/, the log."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster of the service; null for a container that is started when it is needed."
  type = object({
    arn  = string
    name = string
  })
  default = null
}

variable "account" {
  description = "Where it is deployed."
  type = object({
    id     = string
    region = string
  })
}

variable "image" {
  description = "The image, with its tag: the digest of what it was built from."
  type        = string

  validation {
    condition     = can(regex(":[0-9a-f]{12,64}$", var.image))
    error_message = "The tag must be a digest: a tag alone does not identify what runs."
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

variable "secrets" {
  description = "Variables whose values are secrets: by name the ARN of each in Secrets Manager. They are in no state and no task definition."
  type        = map(string)
  default     = {}
}

variable "required_environment" {
  description = "Variables without which it would not start."
  type        = set(string)
  default     = []
}

variable "health_command" {
  description = "What says, in a shell in the container, that the service is well."
  type        = string
  default     = null
}

variable "start_period_s" {
  description = "Seconds in which it need not be well yet."
  type        = number
  default     = 60
}

variable "cpu" {
  description = "Processor of a task: 1024 is one."
  type        = number

  validation {
    condition     = contains(keys(local.fargate_mb), tostring(var.cpu))
    error_message = "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MB."
  type        = number

  validation {
    condition     = contains(lookup(local.fargate_mb, tostring(var.cpu), []), var.memory_mb)
    error_message = "Fargate has for each cpu some sizes of memory: see fargate_mb in main.tf."
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

variable "network" {
  description = "Where its tasks run; see the module network."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
    assign_public_ip   = bool
  })
  default = null
}

variable "writable_folders" {
  description = "The only folders that it may write to, by name."
  type        = map(string)
  default     = {}
}

variable "stop_timeout_s" {
  description = "Seconds between SIGTERM and SIGKILL."
  type        = number
  default     = 120
}

variable "shutdown_budget_s" {
  description = "Seconds that it takes itself for ending, as its settings say."
  type        = number
  default     = 0
}

variable "min_tasks" {
  description = "Tasks of the service that always run."
  type        = number
  default     = 1

  validation {
    condition     = var.min_tasks >= 1
    error_message = "At least one."
  }
}

variable "max_tasks" {
  description = "Tasks of the service that run at most."
  type        = number
  default     = 1

  validation {
    condition     = var.max_tasks >= var.min_tasks
    error_message = "Not less than min_tasks."
  }
}

variable "cpu_target_percent" {
  description = "How busy tasks shall be on average."
  type        = number
  default     = 60
}

variable "scale_out" {
  description = "Metrics that call for another task while their maximum of each minute is above a threshold."
  type = map(object({
    why         = string
    namespace   = string
    metric_name = string
    dimensions  = map(string)
    threshold   = number
    minutes     = number
  }))
  default = {}
}

variable "log_retention_days" {
  description = "Days for which its log is kept."
  type        = number
}
