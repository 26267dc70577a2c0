variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "force_delete" {
  description = "Whether a destroy deletes the images in it."
  type        = bool
}
