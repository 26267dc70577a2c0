variable "name" {
  description = "Name of the function, of its role and, after /aws/lambda/, of its log group."
  type        = string
}

variable "account_id" {
  description = "Id of the account. Lambda may assume the role only for this account."
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
  description = "Handler: module.function."
  type        = string
}

variable "runtime" {
  description = "Lambda runtime for which the zip was built."
  type        = string
}

variable "timeout_s" {
  description = "Timeout of an invocation in seconds."
  type        = number
}

variable "memory_mb" {
  description = "Memory in MB. The share of processor time is proportional to it."
  type        = number
  default     = 512
}

variable "reserved_concurrency" {
  description = "Maximum number of concurrent executions. -1: only the account's limit."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Environment variables. Lambda itself sets AWS_REGION and the credentials."
  type        = map(string)
}

variable "required_environment" {
  description = "Names of required environment variables."
  type        = set(string)
  default     = []
}

variable "statements" {
  description = "Permissions besides writing its log; see the module role."
  type = list(object({
    sid                = string
    actions            = list(string)
    resources          = list(string)
    condition          = optional(map(map(list(string))), {})
    why_every_resource = optional(string, "")
  }))
}

variable "network" {
  description = "Subnets and security groups. Null: it runs outside a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "log_retention_days" {
  description = "Days for which the log is kept."
  type        = number
}
