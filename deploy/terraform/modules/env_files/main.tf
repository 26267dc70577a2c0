# Where the system is, for those who use it from this machine: sim and web.

locals {
  lines = {
    for file, values in { sim = var.sim, web = var.web } :
    file => join("", [for name, value in values : "${name}=${value}\n"])
  }
}

# It holds the test issuer's secret: for its owner's eyes.
resource "local_sensitive_file" "sim" {
  filename        = var.sim_file
  content         = local.lines.sim
  file_permission = "0600"
}

resource "local_file" "web" {
  filename        = var.web_file
  content         = local.lines.web
  file_permission = "0644"
}
