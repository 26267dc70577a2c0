variable "name" {
  description = "Name of everything that it has."
  type        = string
}

variable "account_id" {
  description = "The account that it is in."
  type        = string
}

variable "audience" {
  description = "Audience of its tokens."
  type        = string
}

variable "package_file" {
  description = "Path of its zip."
  type        = string
}

variable "runtime" {
  description = "Lambda's name of the runtime."
  type        = string
}

variable "definition" {
  description = "What the code says of it, as in generated/definitions.json."
  type = object({
    handler  = string
    settings = map(string)
  })
}

variable "routes" {
  description = "Its routes, as METHOD /path."
  type        = set(string)
}

variable "log_retention_days" {
  description = "Days for which its logs are kept."
  type        = number
}
