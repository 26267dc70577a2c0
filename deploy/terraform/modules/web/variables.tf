variable "name" {
  description = "Name of the distribution and its policies."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket. It contains the account number, because bucket names are unique worldwide."
  type        = string
}

variable "pages_folder" {
  description = "Folder with the built pages: index.html, console.html and assets."
  type        = string
}

variable "headers_file" {
  description = "File with the headers of every response, as JSON. The word connect is replaced by the addresses that the page may connect to."
  type        = string
}

variable "server_url" {
  description = "Base URL of the HTTP API."
  type        = string
}

variable "websocket_url" {
  description = "URL of the WebSocket API."
  type        = string
}

variable "map" {
  description = "The light and dark MapLibre styles: URLs, or paths in the bucket. Null: no map."
  type = object({
    style_url      = string
    dark_style_url = optional(string)
  })
  default = null
}

variable "map_origins" {
  description = "Origins of styles, tiles, sprites and glyphs that are not in the bucket, such as https://maps.geo.eu-central-1.amazonaws.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.map_origins : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "Each of map_origins must be https:// and a host, without a path."
  }
}

variable "sign_in" {
  description = "Sign-in of dispatchers to the console: an OIDC issuer, and its public client for the authorization code flow with PKCE. The client's redirect URI is the console's URL. The HTTP API must accept its access tokens. Null: the console has no sign-in."
  type = object({
    issuer    = string
    client_id = string
    scope     = optional(string, "openid")
    origins   = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.sign_in == null || can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^?# ]*)?$", var.sign_in.issuer))
    error_message = "sign_in.issuer must be an https:// URL without query and fragment."
  }

  validation {
    condition     = var.sign_in == null || alltrue([for origin in try(var.sign_in.origins, []) : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "Each of sign_in.origins must be https:// and a host, without a path."
  }
}

variable "domain" {
  description = "Host name of the pages, and the public hosted zone of Route 53 for it. Null: CloudFront's host name."
  type = object({
    name    = string
    zone_id = string
  })
  default = null
}
