# Mocked: what a plan and its outputs would be, without an account.

mock_provider "aws" {
  source = "../../testing/aws"
}

mock_provider "local" {}

override_resource {
  target = module.system.module.socket_api.aws_apigatewayv2_api.this
  values = {
    id            = "socket0000"
    api_endpoint  = "wss://socket0000.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:socket0000"
  }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["deliveries"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-deliveries" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["delivery_events"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-delivery-events" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["truck_matches"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-truck-matches" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["subscriptions"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-subscriptions" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["socket_tickets"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-socket-tickets" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["socket_limits"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-socket-limits" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["blocked_identities"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-blocked-identities" }
}

override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["leases"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer" }
}

override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["coordinator_state"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer-CoordinatorState" }
}

override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["worker_metrics"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer-WorkerMetricStats" }
}

override_resource {
  target = module.system.module.stream.aws_kinesis_stream.this
  values = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/rtdts-telemetry" }
}

override_resource {
  target = module.system.module.queues.aws_sqs_queue.this["nudges"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-nudges.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-nudges.fifo"
  }
}

override_resource {
  target = module.system.module.queues.aws_sqs_queue.dead_letter["nudges"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-nudges-dead.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-nudges-dead.fifo"
  }
}

override_resource {
  target = module.system.module.queues.aws_sqs_queue.this["rounds"]
  values = {
    arn            = "arn:aws:sqs:eu-central-1:123456789012:rtdts-rounds.fifo"
    url            = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-rounds.fifo"
    redrive_policy = "" # What AWS tells of a queue without one.
  }
}

override_resource {
  target = module.system.module.parked.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-parked-123456789012" }
}

override_resource {
  target = module.system.module.raw_backup.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-raw-backup-123456789012" }
}

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
