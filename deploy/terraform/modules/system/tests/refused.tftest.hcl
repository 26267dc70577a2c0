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

run "a_broker_is_a_host_and_its_password_a_secret" {
  command = plan

  variables {
    mqtt_bridge = { broker_host = "mqtts://broker", username = "bridge", password_secret_arn = "secret" }
  }

  expect_failures = [var.mqtt_bridge, var.mqtt_bridge]
}

run "a_log_role_is_one_of_three" {
  command = plan

  variables {
    region_singletons = { api_gateway_log_role = "yes" }
  }

  expect_failures = [var.region_singletons]
}

run "a_setting_that_nobody_declares" {
  command = plan

  variables {
    settings = { ROUND_INTERVALL_S = "10" }
  }

  expect_failures = [var.settings]
}

run "at_most_one_task_a_shard" {
  command = plan

  variables {
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 3 }
  }

  expect_failures = [var.consumer]
}

run "a_setting_that_follows_from_what_is_made" {
  command = plan

  variables {
    settings = { SHUTDOWN_BUDGET_S = "115", STREAM_NAME = "another" }
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "an_edge_needs_names" {
  command = plan

  variables {
    edge = true
  }

  expect_failures = [var.edge]
}

run "no_concurrency_is_reserved_for_what_is_no_function" {
  command = plan

  variables {
    reserved_concurrency = { "ingest-lambda" = 10 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "what_is_reserved_is_enough_to_run" {
  command = plan

  variables {
    reserved_concurrency = { ingest = 0 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "names_accounts_and_zones" {
  command = plan

  variables {
    name    = "RTDTS"
    account = { id = "1234", region = "eu-central-1", partition = "aws" }
    search  = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 3, volume_gb = 20 }
  }

  expect_failures = [var.name, var.account, var.search]
}

run "an_index_has_a_whole_number_of_shards" {
  command = plan

  variables {
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20, shards = 1.5 }
  }

  expect_failures = [var.search]
}

run "a_node_takes_a_thousand_shards" {
  command = plan

  variables {
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20, shards = 40 }
  }

  expect_failures = [var.search]
}

run "the_kcl_polls_or_is_fanned_out_to" {
  command = plan

  variables {
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 1, retrieval_mode = "PUSH" }
  }

  expect_failures = [var.consumer]
}

run "cloudwatch_keeps_logs_for_days_of_its_own" {
  command = plan

  variables {
    retention = { raw_days = 3, positions_days = 14, raw_backup_days = 14, parked_days = 30, log_days = 8 }
  }

  expect_failures = [var.retention]
}

run "a_backup_outlives_what_it_is_the_backup_of" {
  command = plan

  variables {
    retention = { raw_days = 3, positions_days = 14, raw_backup_days = 2, parked_days = 30, log_days = 7 }
  }

  expect_failures = [var.retention]
}

run "a_late_point_finds_its_day" {
  command = plan

  variables {
    retention = { raw_days = 3, positions_days = 7, raw_backup_days = 14, parked_days = 30, log_days = 7 }
  }

  expect_failures = [var.retention]
}

run "kinesis_keeps_a_day_at_least_and_has_a_shard" {
  command = plan

  variables {
    stream   = { shard_count = 0, retention_hours = 12 }
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 0 }
  }

  expect_failures = [var.stream, var.stream]
}

run "something_is_left_for_each_broadcaster" {
  command = plan

  variables {
    gateway_requests_per_second = 13
    broadcaster                 = { cpu = 2048, memory_mb = 4096, min_tasks = 2, max_tasks = 4 }
  }

  expect_failures = [var.gateway_requests_per_second]
}
