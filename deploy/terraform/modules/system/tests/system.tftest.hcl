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
  alarms             = { emails = [], silence = { from_hour = 6, to_hour = 18, days = [1, 5] } }
}

run "whole" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.this["leases"].name == output.environments.containers["consumer"]["KCL_APPLICATION_NAME"]
    error_message = "The lease table must have the name of the KCL's application."
  }

  assert {
    condition     = !strcontains(aws_opensearch_domain.this.access_policies, "ESHttpDelete")
    error_message = "The domain's access policy must not allow deletes."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["round-late"].threshold == 52500
    error_message = "The threshold must be the half minute over which a round is spread, plus three quarters of the other half."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["search-disk"].threshold == 5120
    error_message = "The threshold must be a quarter of the disk, in MB."
  }

  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.this["no-points"].metric_query : query.expression if query.return_data
    ]) == "IF((HOUR(ingest_lambda) >= 6 AND HOUR(ingest_lambda) < 18) AND (DAY(ingest_lambda) == 1 OR DAY(ingest_lambda) == 5) AND FILL(ingest_lambda, 0) < 1, 1, 0)"
    error_message = "The alarm must fire only at the hours and on the days when trucks drive."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-points"].datapoints_to_alarm == 15
    error_message = "The alarm must fire after 15 minutes without a point, the default."
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "All widgets must fit into the 24 columns of CloudWatch's grid."
  }

  assert {
    condition = length(distinct([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x},${widget.y}"
    ])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets)
    error_message = "No two widgets may have the same position."
  }
}

run "enhanced_fan_out_and_driving_hours_past_midnight" {
  command = apply

  variables {
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 2, retrieval_mode = "FANOUT" }
    alarms   = { emails = [], silence = { from_hour = 21, to_hour = 11, days = [7] } }
  }

  assert {
    condition     = strcontains(output.policies["consumer"], "kinesis:SubscribeToShard")
    error_message = "With enhanced fan-out, the consumer must be allowed to subscribe to shards."
  }

  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.this["no-points"].metric_query : query.expression if query.return_data
    ]) == "IF((HOUR(ingest_lambda) >= 21 OR HOUR(ingest_lambda) < 11) AND (DAY(ingest_lambda) == 7) AND FILL(ingest_lambda, 0) < 1, 1, 0)"
    error_message = "Hours past midnight must be combined with OR."
  }
}

run "each_deployable_gets_only_the_settings_it_declares" {
  command = apply

  variables {
    settings = { ROUND_INTERVAL_S = "10" }
    alarms   = { emails = [] }
  }

  assert {
    condition     = output.environments.containers["broadcaster"]["ROUND_INTERVAL_S"] == "10" && !contains(keys(output.environments.containers["consumer"]), "ROUND_INTERVAL_S")
    error_message = "Only the broadcaster, which declares the setting, may get it."
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "no-points")
    error_message = "Without silence there must be no alarm no-points."
  }
}

run "a_bridge_if_a_broker_is_named" {
  command = apply

  variables {
    mqtt_bridge = { broker_host = "broker.example.com", username = "bridge", password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rtdts/bridge-AbCdEf" }
  }

  assert {
    condition     = module.mqtt_bridge[0].container.secrets[0].valueFrom == var.mqtt_bridge.password_secret_arn && !can(output.environments.containers["mqtt_bridge"]["MQTT_PASSWORD"])
    error_message = "The password must be in Secrets Manager only, not in the environment."
  }
}

run "region_singletons_are_created_only_if_requested" {
  command = apply

  variables {
    region_singletons = { api_gateway_log_role = "create", opensearch_service_linked_role = false }
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 1 && length(aws_iam_service_linked_role.opensearch) == 0
    error_message = "The log role must be created, and the service-linked role must not."
  }
}

run "an_on_demand_stream_limits_no_task_count" {
  command = plan

  variables {
    stream   = { retention_hours = 24 }
    consumer = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 30 }
  }

  assert {
    condition     = aws_kinesis_stream.telemetry.shard_count == null && aws_kinesis_stream.telemetry.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "An on-demand stream must not have a number of shards."
  }
}

run "derived_settings_are_rejected" {
  command = plan

  variables {
    settings = { SHUTDOWN_BUDGET_S = "115", STREAM_NAME = "another" }
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "values_that_aws_would_reject" {
  command = plan

  variables {
    name                 = "RTDTS"
    account              = { id = "1234", region = "eu-central-1", partition = "aws" }
    mqtt_bridge          = { broker_host = "mqtts://broker", username = "bridge", password_secret_arn = "secret" }
    region_singletons    = { api_gateway_log_role = "yes" }
    reserved_concurrency = { ingest = 0 } # would never run
    # CloudWatch Logs does not keep logs for 8 days, and Kinesis keeps records for at least a day.
    retention = { raw_days = 3, positions_days = 14, raw_backup_days = 14, parked_days = 30, log_days = 8 }
    stream    = { shard_count = 0, retention_hours = 12 }
    consumer  = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 0 }
  }

  expect_failures = [
    var.name,
    var.account,
    var.mqtt_bridge,
    var.mqtt_bridge,
    var.region_singletons,
    var.reserved_concurrency,
    var.retention,
    var.stream,
    var.stream,
  ]
}

# A validation that refers to another variable runs only if that variable is valid. So this needs several runs.
run "values_that_contradict_each_other" {
  command = plan

  variables {
    settings             = { ROUND_INTERVALL_S = "10" } # not declared by any deployable
    edge                 = true                         # without domains
    reserved_concurrency = { "ingest-lambda" = 10 }     # not the name of a function
    # More tasks than shards, more zones than the VPC has, and less than one post per second and broadcaster.
    consumer                    = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 3 }
    search                      = { engine_version = "Elasticsearch_7.10", instance_type = "t3.small", instance_count = 4, zones = 3, volume_gb = 5, shards = 1.5 }
    gateway_requests_per_second = 13
    broadcaster                 = { cpu = 2048, memory_mb = 4096, min_tasks = 2, max_tasks = 4 }
    alarms = {
      emails              = ["no-address"]
      iterator_age_s      = 60 # a lost task's shards may wait longer
      http_errors_percent = 0
      silence             = { minutes = 1, from_hour = 6, to_hour = 25, days = [0] }
    }
  }

  expect_failures = [
    var.settings,
    var.edge,
    var.reserved_concurrency,
    var.consumer,
    var.search, # the engine
    var.search, # nodes per zone
    var.search, # type and disk
    var.search, # burstable
    var.search, # zones
    var.search, # shards
    var.gateway_requests_per_second,
    var.alarms, # the address
    var.alarms, # minutes
    var.alarms, # hours
    var.alarms, # days
    var.alarms, # the age
    var.alarms, # percent
  ]
}

run "values_outside_limits_set_by_other_variables" {
  command = plan

  variables {
    retention = { raw_days = 3, positions_days = 7, raw_backup_days = 2, parked_days = 30, log_days = 7 }
    consumer  = { cpu = 512, memory_mb = 1024, min_tasks = 1, max_tasks = 1, retrieval_mode = "PUSH" }
    alarms    = { emails = [], iterator_age_s = 43200, viewers_not_reached_percent = 100 } # too late to save points
  }

  expect_failures = [
    var.retention, # a late point's index is already deleted
    var.retention, # the backup is kept for fewer days than the raw log
    var.consumer,
    var.alarms,
  ]
}

run "a_node_has_at_most_1000_shards" {
  command = plan

  variables {
    search = { engine_version = "OpenSearch_2.19", instance_type = "t3.small.search", instance_count = 1, zones = 1, volume_gb = 20, shards = 40 }
  }

  expect_failures = [var.search]
}
