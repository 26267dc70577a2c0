variable "name" {
  description = "Name of the function, of its role and, after /aws/lambda/, of its log."
  type        = string
}

variable "account_id" {
  description = "The account: Lambda takes the role for it only."
  type        = string
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "package_file" {
  description = "Path of its zip."
  type        = string
}

variable "handler" {
  description = "What it runs: module.function."
  type        = string
}

variable "runtime" {
  description = "Lambda's name of the runtime: the one that the zip was built for."
  type        = string
}

variable "timeout_s" {
  description = "Seconds after which an invocation is cut off."
  type        = number
}

variable "memory_mb" {
  description = "Memory in MB, and with it processor."
  type        = number
  default     = 512
}

variable "reserved_concurrency" {
  description = "How many may run at once; -1 leaves that to the account's limit."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Its environment variables. AWS_REGION and the credentials are Lambda's own doing."
  type        = map(string)
}

variable "required_environment" {
  description = "Variables without which it would not start."
  type        = set(string)
  default     = []
}

variable "statements" {
  description = "What it may do, beyond writing its log; see the module role."
  type = list(object({
    sid                = string
    actions            = list(string)
    resources          = list(string)
    condition          = optional(map(map(list(string))), {})
    why_every_resource = optional(string, "")
  }))
}

variable "network" {
  description = "Where in a VPC it runs; null outside of any."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "log_retention_days" {
  description = "Days for which its log is kept."
  type        = number
}
