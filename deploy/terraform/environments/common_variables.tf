# Variables that every environment has, alike.

variable "region" {
  description = "The region."
  type        = string
}

variable "image_tags" {
  description = "Tags of the images; make images and make deploy write them into deploy.auto.tfvars.json."
  type        = map(string)
}

variable "iot_ingest" {
  description = "The ingest endpoint for trucks over AWS IoT Core: {} for one shard, or see the module iot_ingest. Null: none."
  type        = any
  default     = null
}

variable "mqtt_bridge" {
  description = "The bridge to an MQTT broker of one's own; see the module system, which says what it takes. Null: no bridge."
  type        = any
  default     = null
}

variable "cpu_architecture" {
  description = "What the images were built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "opensearch_engine_version" {
  description = "The newest that both the domain and Firehose take; docs/deploy.md says how to find out."
  type        = string
  default     = "OpenSearch_2.19"
}

variable "settings" {
  description = "More settings, by their names in docs/settings.md, such as ROUND_INTERVAL_S."
  type        = map(string)
  default     = {}
}

variable "region_singletons" {
  description = "What a region has once. api_gateway_log_role: none (sockets' access log is off), there, or make, which replaces the region's. iot_logs: whether IoT Core shall log errors, which replaces the region's role and level. opensearch_service_linked_role: false where the account has it."
  type        = any
  default     = {}
}

variable "packages_folder" {
  description = "Where the Lambdas' zips and the code's definitions are; null for where make package puts them."
  type        = string
  default     = null
}

variable "web" {
  description = "The pages: {}, or any of map, map_origins, sign_in and domain as the module web describes them; null for none. Their map is any MapLibre style, in the bucket or elsewhere; their name one of a hosted zone of Route 53. sign_in is the console's OIDC issuer with a public client."
  type        = any
  default     = null
}

variable "pages_folder" {
  description = "Where the built pages are; null for where make web puts them."
  type        = string
  default     = null
}
