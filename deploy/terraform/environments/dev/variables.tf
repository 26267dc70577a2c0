variable "zone_letters" {
  description = "Letters of the availability zones. Some regions do not have all of these (aws ec2 describe-availability-zones)."
  type        = list(string)
  default     = ["a", "b"]
}

variable "name" {
  description = "Prefix of every resource name. A later change recreates everything, and all stored data is lost."
  type        = string
  default     = "rtdts-dev"
}

variable "budget_emails" {
  description = "Mail addresses that receive budget alerts. Without addresses there is no budget."
  type        = set(string)
  default     = []
}

variable "monthly_budget_usd" {
  description = "Budget per month, in US dollars."
  type        = number
  default     = 200
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API and open sockets; by default the page's development server."
  type        = list(string)
  default     = ["http://localhost:5173"]
}

variable "domains" {
  description = "Domain names of the APIs, in a hosted zone of Route 53: trucks and people for the HTTP API, socket for the WebSocket API. Null: execute-api's host names."
  type        = any
  default     = null
}

variable "alarms" {
  description = "Mail addresses that receive alarms (each must confirm), and limits of the alarms; see the module system."
  type        = any
  default     = { emails = [] }
}
