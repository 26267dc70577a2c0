variable "name" {
  description = "Name of the task definition, its container, the service if it is one and, after /aws/ecs/, the log."
  type        = string
}

variable "cluster" {
  description = "ECS cluster of the service. Null: not a service, but a container that is started on demand."
  type = object({
    arn  = string
    name = string
  })
  default = null
}

variable "account" {
  description = "The account, region and partition of the deployment."
  type = object({
    id     = string
    region = string
  })
}

variable "image" {
  description = "The image with its tag, the digest of its sources."
  type        = string

  validation {
    condition     = can(regex(":[0-9a-f]{12,64}$", var.image))
    error_message = "The image's tag must be a digest, because another tag would not identify what runs."
  }
}

variable "image_repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}

variable "task_role_arn" {
  description = "Role of the program in the container."
  type        = string
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "secrets" {
  description = "Secret environment variables: map from name to the ARN in Secrets Manager. Their values are in neither the state nor the task definition."
  type        = map(string)
  default     = {}
}

variable "required_environment" {
  description = "Names of required environment variables."
  type        = set(string)
  default     = []
}

variable "health_command" {
  description = "Shell command that succeeds in the container while the service is healthy."
  type        = string
  default     = null
}

variable "start_period_s" {
  description = "Seconds after the start in which the health check may fail."
  type        = number
  default     = 60
}

variable "cpu" {
  description = "Processor of a task: 1024 is one vCPU."
  type        = number

  validation {
    condition     = contains(keys(local.fargate_mb), tostring(var.cpu))
    error_message = "cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MB."
  type        = number

  validation {
    condition     = contains(lookup(local.fargate_mb, tostring(var.cpu), []), var.memory_mb)
    error_message = "Fargate does not allow this memory_mb with this cpu; fargate_mb in main.tf lists the sizes."
  }
}

variable "cpu_architecture" {
  description = "Processor architecture of the image: ARM64 or X86_64."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "cpu_architecture must be ARM64 or X86_64."
  }
}

variable "network" {
  description = "Network of the tasks; see the module network."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
    assign_public_ip   = bool
  })
  default = null
}

variable "writable_folders" {
  description = "Writable folders by name; all others are read-only."
  type        = map(string)
  default     = {}
}

variable "stop_timeout_s" {
  description = "Seconds between SIGTERM and SIGKILL."
  type        = number
  default     = 120
}

variable "shutdown_budget_s" {
  description = "Seconds that the program itself takes for its shutdown, by its settings."
  type        = number
  default     = 0
}

variable "min_tasks" {
  description = "Minimum number of tasks."
  type        = number
  default     = 1

  validation {
    condition     = var.min_tasks >= 1
    error_message = "min_tasks must be at least 1."
  }
}

variable "max_tasks" {
  description = "Maximum number of tasks."
  type        = number
  default     = 1

  validation {
    condition     = var.max_tasks >= var.min_tasks
    error_message = "max_tasks must be at least min_tasks."
  }
}

variable "cpu_target_percent" {
  description = "Target of the average processor load of the tasks, in percent."
  type        = number
  default     = 60
}

variable "scale_out" {
  description = "Metrics that start another task while their maximum per minute is above a threshold."
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
  description = "Days for which the log is kept."
  type        = number
}
