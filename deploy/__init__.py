"""Builds what is deployed (Lambdas' zips, images) and applies Terraform."""
