terraform {
  required_version = ">= 1.9.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
    local = {
      source  = "hashicorp/local"
      version = "~> 2.6"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # `make images` and `make deploy` create a bucket in the account, and write its name to backend.hcl.
  backend "s3" {}
}
