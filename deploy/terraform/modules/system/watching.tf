# Alarms and the dashboard.

locals {
  nudges = local.definitions.queues.nudges
}

module "watching" {
  source = "../watching"

  name                        = var.name
  account                     = var.account
  emails                      = var.alarms.emails
  measured                    = local.definitions.metrics
  silence                     = var.alarms.silence
  iterator_age_s              = var.alarms.iterator_age_s
  http_errors_percent         = var.alarms.http_errors_percent
  viewers_not_reached_percent = var.alarms.viewers_not_reached_percent

  watched = {
    stream_name          = aws_kinesis_stream.telemetry.name
    table_names          = module.tables.names
    function_names       = { for key, function in local.watched_functions : key => function.name }
    queue_names          = module.queues.names
    dead_letter_names    = module.queues.dead_letter_names
    domain_name          = var.name
    delivery_stream_name = module.raw_log.name
    http_api_id          = module.http_api.id
    socket_api           = { id = module.socket_api.id, stage = module.socket_api.stage }

    device_messages = one([for iot in module.iot_ingest : {
      stream_name       = local.device_messages.stream_name
      failed_queue_name = local.device_messages.queue_name
      rule_name         = iot.rule_name
      event_source_uuid = iot.event_source_uuid
    }])

    log_group_names = merge(
      { for key, function in local.watched_functions : key => function.log_group_name },
      { consumer = module.consumer.log_group_name, broadcaster = module.broadcaster.log_group_name },
      { for bridge in module.mqtt_bridge : "mqtt_bridge" => bridge.log_group_name },
    )
  }

  services = {
    cluster_name = local.cluster.name
    names = merge(
      { consumer = module.consumer.name, broadcaster = module.broadcaster.name },
      { for bridge in module.mqtt_bridge : "mqtt_bridge" => bridge.name },
    )
  }

  promised = {
    # The settings' own default: a viewer is promised a message per minute.
    round_interval_s       = tonumber(lookup(var.settings, "ROUND_INTERVAL_S", "60"))
    round_spread           = tonumber(local.known_settings["ROUND_SPREAD"])
    search_volume_gb       = var.search.volume_gb
    search_nodes           = var.search.instance_count
    nudges_given_up_s      = local.nudges.visibility_timeout_s * local.nudges.max_receive_count
    stream_retention_hours = var.stream.retention_hours
  }
}
