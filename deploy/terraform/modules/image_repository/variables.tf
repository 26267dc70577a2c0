variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "images_kept" {
  description = "How many images are kept."
  type        = number
  default     = 20

  validation {
    condition     = var.images_kept >= 2
    error_message = "At least the one that runs and the one before it."
  }
}

variable "force_delete" {
  description = "Whether a destroy deletes the images in it."
  type        = bool
}
