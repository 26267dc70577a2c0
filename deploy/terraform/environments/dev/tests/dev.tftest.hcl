# Plans and outputs with mocked providers, without an account.

mock_provider "aws" {
  source = "../../testing/environment"
}

mock_provider "local" {}

mock_provider "random" {}

override_resource {
  target = aws_apigatewayv2_api.test_issuer
  values = {
    id            = "issuer0000"
    api_endpoint  = "https://issuer0000.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:issuer0000"
  }
}

override_resource {
  target = random_password.test_issuer
  values = {
    result = "a0secret0of0tests"
  }
}

variables {
  region          = "eu-central-1"
  image_tags      = { consumer = "0123456789abcdef", broadcaster = "fedcba9876543210", operations = "00112233445566aa", mqtt_bridge = "aa99887766554433" }
  budget_emails   = ["budget@example.com"]
  packages_folder = "../../testing/packages"
}

run "whole" {
  command = apply

  assert {
    condition = output.web_env == join("", [
      "ServerURL=https://http0api00.execute-api.eu-central-1.amazonaws.com\n",
      "WebSocketURL=wss://socket0000.execute-api.eu-central-1.amazonaws.com/live\n",
    ])
    error_message = "web/.env must have the system's two URLs, and nothing else."
  }

  assert {
    condition = nonsensitive(output.sim_env) == join("", [
      "AUDIENCE=rtdts\n",
      "ISSUER=https://issuer0000.execute-api.eu-central-1.amazonaws.com\n",
      "ServerURL=https://http0api00.execute-api.eu-central-1.amazonaws.com\n",
      "TOKEN_SECRET=a0secret0of0tests\n",
      "TOKEN_URL=https://issuer0000.execute-api.eu-central-1.amazonaws.com/token\n",
      "WebSocketURL=wss://socket0000.execute-api.eu-central-1.amazonaws.com/live\n",
    ])
    error_message = "sim/.env must have everything that a drive against the system needs."
  }

  assert {
    condition     = output.environments.functions["socket"]["SOCKET_MANAGEMENT_URL"] == "https://socket0000.execute-api.eu-central-1.amazonaws.com/live"
    error_message = "The socket's Lambda must post to the stage over HTTPS."
  }

  assert {
    condition     = output.environments.functions["socket-authorizer"]["ISSUER"] == output.issuer
    error_message = "The sockets' authorizer must trust the same issuer as the HTTP API."
  }

}

run "with_the_pages" {
  command = plan

  variables {
    pages_folder    = "../../testing/pages"
    allowed_origins = ["https://shop.example.com"]
    web = {
      map         = { style_url = "https://maps.geo.eu-central-1.amazonaws.com/v2/styles/Standard/descriptor?key=v1" }
      map_origins = ["https://maps.geo.eu-central-1.amazonaws.com"]
      domain      = { name = "track.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
    }
  }

  assert {
    condition     = toset(local.allowed_origins) == toset(["https://shop.example.com", "https://track.example.com"])
    error_message = "The domain of the page must be an allowed origin without being listed in allowed_origins."
  }
}
