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

variable "image_tags" {
  description = "Tags of the images; make images and make deploy write them into deploy.auto.tfvars.json."
  type = object({
    consumer    = string
    broadcaster = string
    operations  = string
  })
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
  type = object({
    zone_id = string
    trucks  = string
    people  = string
    socket  = string
  })
  default = null
}

variable "alarms" {
  description = "Who is told of alarms by mail (each address must confirm), and their limits; see the module alarms."
  type = object({
    emails = set(string)
    silence = optional(object({
      minutes   = optional(number, 15)
      from_hour = number
      to_hour   = number
      days      = optional(set(number), [1, 2, 3, 4, 5, 6, 7])
    }))
    iterator_age_s              = optional(number, 300)
    http_errors_percent         = optional(number, 1)
    viewers_not_reached_percent = optional(number, 1)
  })
  default = { emails = [] }
}
