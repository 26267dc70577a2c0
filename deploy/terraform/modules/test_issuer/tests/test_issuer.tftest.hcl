mock_provider "aws" {
  source = "../../testing/aws"
}

mock_provider "random" {}

variables {
  name               = "rtdts-test-issuer"
  account_id         = "123456789012"
  audience           = "rtdts"
  package_file       = "../../testing/packages/test-issuer.zip"
  runtime            = "python3.13"
  log_retention_days = 7
  routes             = ["GET /jwks.json", "POST /token"]
  definition = {
    handler  = "deploy.test_issuer.handler.lambda_handler"
    settings = { ISSUER = "required", AUDIENCE = "required", SIGNING_KEY_ID = "required", TOKEN_SECRET_SHA256 = "required" }
  }
}

run "it_signs_with_a_key_that_it_can_not_see" {
  command = apply

  assert {
    condition     = toset(flatten([for statement in jsondecode(module.function.policy).Statement : statement.Action if statement.Sid == "Sign"])) == toset(["kms:GetPublicKey", "kms:Sign"])
    error_message = "Nothing but signing."
  }
}
