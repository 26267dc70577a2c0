mock_provider "aws" {
  source = "../../testing/aws"
}

mock_provider "random" {}

variables {
  name    = "rtdts-test"
  account = { id = "123456789012", region = "eu-central-1", partition = "aws" }

  network    = { availability_zones = ["eu-central-1a", "eu-central-1b"], nat_gateways = 0 }
  stream     = { shard_count = 2, retention_hours = 24 }
  search     = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20 }
  protection = { point_in_time_recovery = false, deletion_protection = false }
  retention  = { raw_days = 3, positions_days = 14, raw_backup_days = 14, parked_days = 30, log_days = 7 }
  identity   = { issuer = "https://id.example.com", audience = "rtdts" }

  http_throttle   = { requests_per_second = 10, burst = 20 }
  socket_throttle = { requests_per_second = 10, burst = 20 }

  gateway_requests_per_second = 1000

  consumer    = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 2 }
  broadcaster = { cpu = 256, memory_mb = 512, min_tasks = 1, max_tasks = 1 }

  container_insights = false
  image_tags         = { consumer = "0123456789abcdef", broadcaster = "fedcba9876543210", operations = "00112233445566aa", mqtt_bridge = "aa99887766554433" }
  packages_folder    = "../../testing/packages"
  alarms             = { emails = [] }
}

# Each run plans the whole module, so values of different variables are refused side by side.

run "one_value_of_each_variable" {
  command = plan

  variables {
    name    = "RTDTS"
    account = { id = "1234", region = "eu-central-1", partition = "aws" }
    # No more zones than the network has.
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 3, volume_gb = 20 }
    # CloudWatch keeps logs for numbers of days of its own.
    retention = { raw_days = 3, positions_days = 14, raw_backup_days = 14, parked_days = 30, log_days = 8 }
    # At most one task per shard.
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 3 }
    # Something is left for each broadcaster.
    gateway_requests_per_second = 13
    broadcaster                 = { cpu = 2048, memory_mb = 4096, min_tasks = 2, max_tasks = 4 }
    # A broker is a host, and its password a secret.
    mqtt_bridge = { broker_host = "mqtts://broker", username = "bridge", password_secret_arn = "secret" }
    # The log role is one of three.
    region_singletons = { api_gateway_log_role = "yes" }
    # No part declares it.
    settings = { ROUND_INTERVALL_S = "10" }
    # An edge needs names.
    edge = true
    # No function is called so.
    reserved_concurrency = { "ingest-lambda" = 10 }
  }

  expect_failures = [
    var.name,
    var.account,
    var.search,
    var.retention,
    var.consumer,
    var.gateway_requests_per_second,
    var.mqtt_bridge,
    var.mqtt_bridge,
    var.region_singletons,
    var.settings,
    var.edge,
    var.reserved_concurrency,
  ]
}

run "a_second_value_of_some" {
  command = plan

  variables {
    # An index has a whole number of shards.
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20, shards = 1.5 }
    # A backup outlives what it is the backup of.
    retention = { raw_days = 3, positions_days = 14, raw_backup_days = 2, parked_days = 30, log_days = 7 }
    # The KCL polls, or is fanned out to.
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 1, retrieval_mode = "PUSH" }
    # What is reserved is enough to run.
    reserved_concurrency = { ingest = 0 }
  }

  expect_failures = [var.search, var.retention, var.consumer, var.reserved_concurrency]
}

run "a_third_value_of_some" {
  command = plan

  variables {
    # A node takes a thousand shards.
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20, shards = 60 }
    # A late point finds its day.
    retention = { raw_days = 3, positions_days = 7, raw_backup_days = 14, parked_days = 30, log_days = 7 }
    # Kinesis has a shard at least, and keeps a day at least.
    stream   = { shard_count = 0, retention_hours = 12 }
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 0 }
  }

  expect_failures = [var.search, var.retention, var.stream, var.stream]
}

run "a_setting_that_follows_from_what_is_made" {
  command = plan

  variables {
    settings = { SHUTDOWN_BUDGET_S = "115", STREAM_NAME = "another" }
  }

  expect_failures = [aws_ecs_cluster.this]
}
