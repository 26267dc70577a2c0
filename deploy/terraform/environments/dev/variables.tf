variable "region" {
  description = "The region."
  type        = string
}

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

variable "cpu_architecture" {
  description = "What the images were built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
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

variable "opensearch_engine_version" {
  description = "The newest that both the domain and Firehose take; docs/deploy.md says how to find out."
  type        = string
  default     = "OpenSearch_2.19"
}

variable "allowed_origins" {
  description = "Origins of pages that may call the HTTP API; by default the page's development server."
  type        = list(string)
  default     = ["http://localhost:5173"]
}

variable "settings" {
  description = "More settings, by their names in docs/settings.md, such as ROUND_INTERVAL_S."
  type        = map(string)
  default     = {}
}

variable "region_singletons" {
  description = "What a region has once. api_gateway_log_role: none (sockets' access log is off), there, or make, which replaces the region's. opensearch_service_linked_role: false where the account has it."
  type = object({
    api_gateway_log_role           = optional(string, "none")
    opensearch_service_linked_role = optional(bool, true)
  })
  default = {}
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

variable "packages_folder" {
  description = "Where the Lambdas' zips are; null for where make package puts them."
  type        = string
  default     = null
}

variable "sim_env_file" {
  description = "Where to tell sim; null for sim/.env."
  type        = string
  default     = null
}

variable "web_env_file" {
  description = "Where to tell web; null for web/.env."
  type        = string
  default     = null
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
