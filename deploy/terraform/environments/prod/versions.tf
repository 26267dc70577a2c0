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
  }

  # Where the state is, is said by `make deploy`: a bucket of the account.
  backend "s3" {}
}
