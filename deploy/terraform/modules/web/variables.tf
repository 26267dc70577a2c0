variable "name" {
  description = "Of the distribution and its policies."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket: unique in the world, so it holds the account's number."
  type        = string
}

variable "pages_folder" {
  description = "The built pages: index.html, console.html and assets."
  type        = string
}

variable "headers_file" {
  description = "The headers of every response, as JSON; connect stands for what the page may connect to."
  type        = string
}

variable "server_url" {
  description = "Base of the HTTP API."
  type        = string
}

variable "websocket_url" {
  description = "Where sockets connect."
  type        = string
}

variable "map" {
  description = "The MapLibre styles in light and dark: URLs, or paths in the bucket. Null: no map."
  type = object({
    style_url      = string
    dark_style_url = optional(string)
  })
  default = null
}

variable "map_origins" {
  description = "Where styles, tiles, sprites and glyphs come from, if not from the bucket, such as https://maps.geo.eu-central-1.amazonaws.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.map_origins : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "Origins: https:// and a host, without a path."
  }
}

variable "sign_in" {
  description = "Where dispatchers sign in to the console: an OIDC issuer, and a public client of it for the authorization code flow with PKCE, whose redirect URI is the console's URL. Its access tokens are what the HTTP API takes. Null: the console has no sign-in."
  type = object({
    issuer    = string
    client_id = string
    scope     = optional(string, "openid")
    origins   = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.sign_in == null || can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^?# ]*)?$", var.sign_in.issuer))
    error_message = "The issuer: an https:// URL without query and fragment."
  }

  validation {
    condition     = var.sign_in == null || alltrue([for origin in try(var.sign_in.origins, []) : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "Origins: https:// and a host, without a path."
  }
}

variable "domain" {
  description = "The page's own name and its public hosted zone of Route 53. Null: CloudFront's name."
  type = object({
    name    = string
    zone_id = string
  })
  default = null
}
