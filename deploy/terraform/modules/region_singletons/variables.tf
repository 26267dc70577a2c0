variable "name" {
  description = "How names begin."
  type        = string
}

variable "api_gateway_log_role" {
  description = "Whether to set the region's role for API Gateway's logs. False where another has set it."
  type        = bool
}

variable "opensearch_service_linked_role" {
  description = "Whether to create the account's role of OpenSearch Service. False where it exists."
  type        = bool
}
