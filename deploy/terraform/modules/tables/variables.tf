variable "tables" {
  description = "The tables by logical name, in the form of generated/definitions.json, with their names."
  type = map(object({
    name          = string
    hash_key      = string
    range_key     = optional(string)
    attributes    = map(string)
    ttl_attribute = optional(string)
    indexes = optional(map(object({
      hash_key        = string
      range_key       = optional(string)
      projection_type = string
      included        = optional(list(string), [])
    })), {})
  }))
}

variable "point_in_time_recovery" {
  description = "Whether the tables can be restored to any second of the last 35 days."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether a destroy is refused."
  type        = bool
}
