variable "zone_letters" {
  description = "The zones' letters; some regions lack one of these (aws ec2 describe-availability-zones)."
  type        = list(string)
  default     = ["a", "b"]
}

variable "name" {
  description = "How every name begins. Changed later, everything is made anew, and what it held is lost."
  type        = string
  default     = "rtdts-dev"
}

variable "budget_emails" {
  description = "Addresses that get mail when a month gets expensive. Without any there is no budget."
  type        = set(string)
  default     = []
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
  default     = 200
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API and open sockets; by default the page's development server."
  type        = list(string)
  default     = ["http://localhost:5173"]
}

variable "domains" {
  description = "Names before the APIs, in a hosted zone of Route 53: trucks' and people's for the HTTP API, socket for the WebSocket API. Null: execute-api's own hosts."
  type        = any
  default     = null
}

variable "alarms" {
  description = "The addresses that get alarms by mail (each must confirm), and the alarms' limits; see the module system."
  type        = any
  default     = { emails = [] }
}
