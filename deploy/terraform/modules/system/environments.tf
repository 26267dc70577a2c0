# The environment variables of each deployable. Each gets only the settings that its code declares. If a
# required setting has no value, the plan fails.

locals {
  # Settings derived from resources and other variables. var.settings must not contain them.
  own_settings = merge(
    { for key, name in local.table_names : "${upper(key)}_TABLE" => name },
    {
      AWS_REGION                     = var.account.region
      STREAM_NAME                    = aws_kinesis_stream.telemetry.name
      NUDGE_QUEUE_URL                = aws_sqs_queue.this["nudges"].url
      NUDGE_DEAD_LETTER_QUEUE_URL    = aws_sqs_queue.dead_letter["nudges"].url
      SNAPSHOT_QUEUE_URL             = aws_sqs_queue.this["snapshots"].url
      SNAPSHOT_DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letter["snapshots"].url
      ROUND_QUEUE_URL                = aws_sqs_queue.this["rounds"].url
      ROUND_SPREAD                   = "0.5"
      POSTS_PER_SECOND               = tostring(local.posts_per_second)
      PARKED_BUCKET                  = module.parked.name
      RAW_BACKUP_BUCKET              = module.raw_backup.name
      OPENSEARCH_URL                 = "https://${aws_opensearch_domain.this.endpoint}"
      OPENSEARCH_AUTH                = "sigv4"
      EDGE_SECRETS                   = var.edge ? random_password.edge[0].result : ""
      ALLOWED_ORIGINS                = join(",", var.allowed_origins)
      ISSUER                         = var.identity.issuer
      AUDIENCE                       = var.identity.audience
      IDENTITY_CLAIM                 = var.identity.claim
      SOCKET_MANAGEMENT_URL          = module.socket_api.management_url
      KCL_APPLICATION_NAME           = local.consumer_application
      KCL_RETRIEVAL_MODE             = var.consumer.retrieval_mode

      # Both are well below the 120 s after which ECS kills a container. SHUTDOWN_BUDGET_S applies to the
      # broadcaster and the bridge.
      KCL_SHUTDOWN_GRACE_MS = tostring(local.consumer_shutdown_s * 1000)
      SHUTDOWN_BUDGET_S     = tostring(local.shutdown_budget_s)

      RAW_WRITER_ROLE_ARN      = module.raw_log_role.arn
      CONSUMER_ROLE_ARN        = module.container_role["consumer"].arn
      BROADCASTER_ROLE_ARN     = module.container_role["broadcaster"].arn
      TRACK_ROLE_ARN           = module.function["track"].role_arn
      OPERATIONS_ROLE_ARN      = module.container_role["operations"].arn
      SEARCH_SHARDS            = tostring(var.search.shards)
      RAW_RETENTION_DAYS       = tostring(var.retention.raw_days)
      POSITIONS_RETENTION_DAYS = tostring(var.retention.positions_days)
      CLOSED_RETENTION_DAYS    = tostring(var.retention.closed_deliveries_days)
    },
    var.iot_ingest == null ? {} : {
      DEVICE_MESSAGES_STREAM           = local.device_messages.stream_name
      FAILED_DEVICE_MESSAGES_QUEUE_URL = "https://sqs.${var.account.region}.amazonaws.com${var.account.partition == "aws-cn" ? ".cn" : ""}/${var.account.id}/${local.device_messages.queue_name}"
    },
    var.mqtt_bridge == null ? {} : {
      MQTT_HOST     = var.mqtt_bridge.broker_host
      MQTT_PORT     = tostring(var.mqtt_bridge.broker_port)
      MQTT_USERNAME = var.mqtt_bridge.username
    },
  )
  known_settings = merge(local.own_settings, var.settings)

  function_environments = {
    for key, function in local.definitions.functions : key => {
      for name in keys(function.settings) : name => local.known_settings[name]
      # Lambda sets AWS_REGION itself, and does not allow it to be set.
      if contains(keys(local.known_settings), name) && name != "AWS_REGION"
    }
  }
  function_requirements = {
    for key, function in local.definitions.functions :
    key => [for name, need in function.settings : name if need == "required" && name != "AWS_REGION"]
  }

  # A single broadcaster runs complete rounds, without the queue. Several divide each round through the
  # queue: without it, each would send to all viewers. Settings are omitted by name, because a first plan does
  # not know their values.
  omitted_settings = var.broadcaster.max_tasks > 1 ? [] : ["ROUND_QUEUE_URL"]

  container_environments = {
    for key, container in local.definitions.containers : key => {
      for name in keys(container.settings) : name => local.known_settings[name]
      if contains(keys(local.known_settings), name) && !contains(local.omitted_settings, name)
    }
  }
  container_requirements = {
    for key, container in local.definitions.containers :
    key => [for name, need in container.settings : name if need == "required"]
  }

  # Rate of one task. Even with max_tasks tasks, all of them together use only what http_throttle leaves.
  posts_per_second = floor((var.gateway_requests_per_second - var.http_throttle.requests_per_second) / var.broadcaster.max_tasks)

  consumer_shutdown_s = 90
  shutdown_budget_s   = 30
}
