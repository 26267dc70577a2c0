variable "sim" {
  description = "What sim is told, by the names of sim/environment.py."
  type        = map(string)

  validation {
    condition     = alltrue([for name in ["ServerURL", "WebSocketURL"] : contains(keys(var.sim), name)])
    error_message = "ServerURL and WebSocketURL are required."
  }

  validation {
    condition     = alltrue([for value in values(var.sim) : can(regex("^[A-Za-z0-9:/._~-]*$", value))])
    error_message = "A value that a shell would not take as it is."
  }
}

variable "web" {
  description = "What the page is told. It is public."
  type        = map(string)

  validation {
    condition     = !anytrue([for name in keys(var.web) : strcontains(name, "SECRET")])
    error_message = "What the page knows, everybody knows."
  }
}

variable "sim_file" {
  description = "Where sim reads it."
  type        = string
}

variable "web_file" {
  description = "Where web reads it."
  type        = string
}
