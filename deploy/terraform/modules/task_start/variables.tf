variable "name" {
  description = "Name of the task definition and, after /aws/ecs/, of its log."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "image_repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which its log is kept."
  type        = number
}
