# Mocked: what a plan and its outputs would be, without an account.

mock_provider "aws" {
  source = "../../testing/environment"
}

mock_provider "local" {}

variables {
  region          = "eu-central-1"
  image_tags      = { consumer = "0123456789abcdef", broadcaster = "fedcba9876543210", operations = "00112233445566aa" }
  issuer          = "https://id.example.com"
  audience        = "rtdts"
  packages_folder = "../../testing/packages"
  alarms          = { emails = ["somebody@example.com"], silence = { from_hour = 21, to_hour = 11 } }
  # So that the check of values sees the sockets' access log.
  region_singletons = { api_gateway_log_role = "there" }
  domains = {
    zone_id = "Z0123456789ABCDEFGHIJ"
    trucks  = "trucks.example.com"
    people  = "tracking-api.example.com"
    socket  = "tracking-live.example.com"
  }
}

run "whole" {
  command = apply

  assert {
    condition     = output.issuer == "https://id.example.com" && output.environments.functions["socket-authorizer"]["ISSUER"] == "https://id.example.com"
    error_message = "Production trusts the company's identity provider."
  }

  assert {
    condition     = output.environments.functions["search-admin"]["SEARCH_SHARDS"] == "1"
    error_message = "What the variable says reaches who makes the indexes."
  }

  assert {
    condition     = !strcontains(nonsensitive(output.sim_env), "TOKEN")
    error_message = "In production nobody issues tokens for tests."
  }

  assert {
    condition = output.web_env == join("", [
      "ServerURL=https://tracking-api.example.com\n",
      "WebSocketURL=wss://tracking-live.example.com\n",
    ])
    error_message = "The page connects by the company's own names."
  }

  assert {
    condition     = output.truck_url == "https://trucks.example.com"
    error_message = "A truck is given a name that outlives the API."
  }
}

run "an_issuer_is_an_https_url" {
  command = plan

  variables {
    issuer = "http://id.example.com"
  }

  expect_failures = [var.issuer]
}

run "points_can_be_read_again_for_three_days_at_least" {
  command = plan

  variables {
    stream_retention_hours = 24
  }

  expect_failures = [var.stream_retention_hours]
}

run "containers_have_no_addresses_of_their_own" {
  command = plan

  variables {
    nat_gateways = 0
  }

  expect_failures = [var.nat_gateways]
}

run "somebody_is_told_of_alarms" {
  command = plan

  variables {
    alarms = { emails = [], silence = null }
  }

  expect_failures = [var.alarms]
}

run "three_zones" {
  command = plan

  variables {
    zone_letters = ["a", "b"]
  }

  expect_failures = [var.zone_letters]
}

run "one_consumer_could_be_lost" {
  command = plan

  variables {
    consumer = { cpu = 2048, memory_mb = 4096, min_tasks = 1, max_tasks = 4 }
  }

  expect_failures = [var.consumer]
}

run "one_broadcaster_could_be_lost" {
  command = plan

  variables {
    broadcaster = { cpu = 1024, memory_mb = 2048, min_tasks = 1, max_tasks = 4 }
  }

  expect_failures = [var.broadcaster]
}
