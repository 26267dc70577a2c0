# Variables of all environments.

variable "region" {
  description = "AWS region."
  type        = string
}

variable "image_tags" {
  description = "Tags of the images. make images and make deploy write them into deploy.auto.tfvars.json."
  type        = map(string)
}

variable "iot_ingest" {
  description = "Ingest over AWS IoT Core. {}: one shard; the module iot_ingest has more options. Null: disabled."
  type        = any
  default     = null
}

variable "mqtt_bridge" {
  description = "The bridge to your own MQTT broker; the module system lists its options. Null: no bridge."
  type        = any
  default     = null
}

variable "cpu_architecture" {
  description = "Processor architecture of the images: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "opensearch_engine_version" {
  description = "Version of OpenSearch: the newest that both the domain and Firehose support. docs/deploy.md explains how to find out."
  type        = string
  default     = "OpenSearch_2.19"
}

variable "settings" {
  description = "Other settings, by their names in docs/settings.md, such as ROUND_INTERVAL_S."
  type        = map(string)
  default     = {}
}

variable "region_singletons" {
  description = "Settings that a region or an account has only once. api_gateway_log_role: none (the sockets' access log is off), existing (use the region's role), or create (create the role, which replaces the region's). iot_logs: whether IoT Core logs errors, which replaces the region's role and level. opensearch_service_linked_role: whether to create this role; false if the account already has it."
  type        = any
  default     = {}
}

variable "packages_folder" {
  description = "Folder with the Lambdas' zips and definitions.json. Null: the folder that make package uses."
  type        = string
  default     = null
}

variable "web" {
  description = "The pages: {}, or any of map, map_origins, sign_in and domain, which the module web describes. The map is any MapLibre style, in the bucket or elsewhere. The domain is a name in a hosted zone of Route 53. sign_in is the console's OIDC issuer with a public client. Null: no pages."
  type        = any
  default     = null
}

variable "pages_folder" {
  description = "Folder with the built pages. Null: the folder that make web uses."
  type        = string
  default     = null
}
