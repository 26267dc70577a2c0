variable "name" {
  description = "Name of the budget."
  type        = string
}

variable "monthly_limit_usd" {
  description = "What a month may cost, in US dollars, the whole account together."
  type        = number

  validation {
    condition     = var.monthly_limit_usd > 0
    error_message = "More than nothing."
  }
}

variable "emails" {
  description = "Who is told."
  type        = set(string)

  validation {
    condition     = length(var.emails) > 0 && alltrue([for email in var.emails : strcontains(email, "@")])
    error_message = "At least one address."
  }
}
