# Plans and outputs with mocked providers, without an account.

mock_provider "aws" {
  source = "../../testing/environment"
}

mock_provider "local" {}

mock_provider "random" {
  mock_resource "random_password" {
    defaults = {
      result = "0123456789abcdefghijABCDEFGHIJ0123456789"
    }
  }
}

override_resource {
  target = module.system.module.iot_ingest[0].aws_kinesis_stream.this
  values = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/rtdts-device-messages" }
}

override_resource {
  target = module.system.module.iot_ingest[0].aws_sqs_queue.failed
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-failed-device-messages"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-failed-device-messages"

    redrive_policy = "" # AWS's value for a queue without a redrive policy.
  }
}

variables {
  region          = "eu-central-1"
  image_tags      = { consumer = "0123456789abcdef", broadcaster = "fedcba9876543210", operations = "00112233445566aa", mqtt_bridge = "aa99887766554433" }
  issuer          = "https://id.example.com"
  audience        = "rtdts"
  packages_folder = "../../testing/packages"
  alarms          = { emails = ["alarms@example.com"], silence = { from_hour = 21, to_hour = 11 } }
  # The logs and the MQTT ingest endpoints that are off by default, so that the check of values covers them.
  region_singletons = { api_gateway_log_role = "existing", iot_logs = true }
  iot_ingest        = {}
  mqtt_bridge       = { broker_host = "broker.example.com", username = "bridge", password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rtdts/bridge-AbCdEf" }
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
    error_message = "Production must trust the company's identity provider."
  }

  assert {
    condition     = !strcontains(nonsensitive(output.sim_env), "TOKEN")
    error_message = "Production must not have a test issuer."
  }

  assert {
    condition = output.web_env == join("", [
      "ServerURL=https://tracking-api.example.com\n",
      "WebSocketURL=wss://tracking-live.example.com\n",
    ])
    error_message = "The page must connect to the company's own domain names."
  }

  assert {
    condition     = output.truck_url == "https://trucks.example.com"
    error_message = "Trucks must be configured with a domain name, which stays when the API is recreated."
  }
}

run "production_rejects_what_development_allows" {
  command = plan

  variables {
    issuer                 = "http://id.example.com"
    stream_retention_hours = 24 # less than three days
    nat_gateways           = 0  # containers would have public addresses
    alarms                 = { emails = [] }
    zone_letters           = ["a", "b"]
    consumer               = { cpu = 2048, memory_mb = 4096, min_tasks = 1, max_tasks = 4 }
    broadcaster            = { cpu = 1024, memory_mb = 2048, min_tasks = 1, max_tasks = 4 }
  }

  expect_failures = [
    var.issuer,
    var.stream_retention_hours,
    var.nat_gateways,
    var.alarms, # no address
    var.alarms, # no silence
    var.zone_letters,
    var.consumer,
    var.broadcaster,
  ]
}
