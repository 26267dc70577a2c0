# The containers that run as services.

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights ? "enabled" : "disabled"
  }

  lifecycle {
    # Not a validation of the variable, which can't refer to own_settings. One place covers all deployables.
    precondition {
      condition     = length(setintersection(keys(var.settings), keys(local.own_settings))) == 0
      error_message = "settings must not contain ${join(", ", setintersection(keys(var.settings), keys(local.own_settings)))}: Terraform derives these values. Use the corresponding variable, if there is one."
    }
  }
}

locals {
  cluster = { arn = aws_ecs_cluster.this.arn, name = aws_ecs_cluster.this.name }

  # A container is healthy if the expected process runs. The brackets keep grep from finding its own command line.
  health_commands = {
    consumer    = "grep -q '[M]ultiLangDaemon' /proc/[0-9]*/cmdline"
    broadcaster = "grep -q '[b]roadcaster' /proc/[0-9]*/cmdline"
    mqtt_bridge = "grep -q '[m]qtt_bridge' /proc/[0-9]*/cmdline"
  }
}

# Outside the module container: the domain's policy needs the roles, and the domain is created before the
# containers.
module "container_role" {
  source = "../role"
  for_each = {
    for key, statements in {
      consumer    = local.statements.consumer
      broadcaster = local.statements.broadcaster
      operations  = local.operations_statements
      mqtt_bridge = local.statements.mqtt_bridge
    } : key => statements if key != "mqtt_bridge" || var.mqtt_bridge != null
  }

  name           = "${var.name}-${replace(each.key, "_", "-")}"
  description    = "What the container ${each.key} may do"
  service        = "ecs-tasks.amazonaws.com"
  for_account_id = var.account.id
  statements     = each.value
}

module "consumer" {
  source = "../container"

  name                 = local.consumer_application
  cluster              = local.cluster
  account              = var.account
  image                = "${aws_ecr_repository.this["consumer"].repository_url}:${var.image_tags.consumer}"
  image_repository_arn = aws_ecr_repository.this["consumer"].arn
  task_role_arn        = module.container_role["consumer"].arn
  environment          = local.container_environments["consumer"]
  required_environment = local.container_requirements["consumer"]
  health_command       = local.health_commands.consumer
  start_period_s       = 60
  cpu                  = var.consumer.cpu
  memory_mb            = var.consumer.memory_mb
  cpu_architecture     = var.cpu_architecture
  network              = module.network.tasks
  # For the KCL's properties file, and for files that the JVM unpacks.
  writable_folders   = { tmp = "/tmp" }
  shutdown_budget_s  = local.consumer_shutdown_s
  min_tasks          = var.consumer.min_tasks
  max_tasks          = var.consumer.max_tasks
  log_retention_days = var.retention.log_days

  # Scales by CPU only. If points wait while the CPU is idle, the cause is an unavailable store or a single
  # busy shard, and another task would help with neither. The stream's iterator age is no better signal: it
  # includes Firehose, which reads the same stream.

  depends_on = [aws_lambda_invocation.prepare_search, module.container_role, aws_dynamodb_table.this]
}

module "broadcaster" {
  source = "../container"

  name                 = "${var.name}-broadcaster"
  cluster              = local.cluster
  account              = var.account
  image                = "${aws_ecr_repository.this["broadcaster"].repository_url}:${var.image_tags.broadcaster}"
  image_repository_arn = aws_ecr_repository.this["broadcaster"].arn
  task_role_arn        = module.container_role["broadcaster"].arn
  environment          = local.container_environments["broadcaster"]
  required_environment = local.container_requirements["broadcaster"]
  health_command       = local.health_commands.broadcaster
  start_period_s       = 30
  cpu                  = var.broadcaster.cpu
  memory_mb            = var.broadcaster.memory_mb
  cpu_architecture     = var.cpu_architecture
  network              = module.network.tasks
  shutdown_budget_s    = local.shutdown_budget_s
  min_tasks            = var.broadcaster.min_tasks
  max_tasks            = var.broadcaster.max_tasks
  # 60 % of one core, because the process uses only one. A larger task would never reach 60 % of all its cores,
  # and would be scaled in for low load although long rounds require the tasks.
  cpu_target_percent = max(10, floor(60 * min(1, 1024 / var.broadcaster.cpu)))
  log_retention_days = var.retention.log_days

  scale_out = {
    # The maximum over the tasks is the duration of the complete round. Another task shortens it, unless API
    # Gateway is the bottleneck.
    round-duration = {
      why         = "A round takes most of the time until the next one"
      namespace   = local.definitions.metrics.namespace
      metric_name = local.own["broadcaster.RoundDuration"].name
      dimensions  = local.own["broadcaster.RoundDuration"].dimensions
      threshold   = floor(60000 * (1 - (1 - local.round_spread) / 3))
      minutes     = 3
    }
    nudge-age = {
      why         = "Nudges wait in the queue"
      namespace   = "AWS/SQS"
      metric_name = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.this["nudges"].name }
      threshold   = 10
      minutes     = 3
    }
  }

  depends_on = [aws_lambda_invocation.prepare_search, module.container_role, aws_dynamodb_table.this]
}

# Lets the bridge connect to the broker. All other containers use only HTTPS.
resource "aws_security_group" "mqtt_bridge" {
  count = var.mqtt_bridge == null ? 0 : 1

  name        = "${var.name}-mqtt-bridge"
  description = "to the MQTT broker"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${var.name}-mqtt-bridge" }
}

resource "aws_vpc_security_group_egress_rule" "mqtt_broker" {
  count = length(aws_security_group.mqtt_bridge)

  security_group_id = aws_security_group.mqtt_bridge[0].id
  description       = "MQTT over TLS"
  cidr_ipv4         = var.mqtt_bridge.broker_cidr_block
  ip_protocol       = "tcp"
  from_port         = var.mqtt_bridge.broker_port
  to_port           = var.mqtt_bridge.broker_port
}

# Off unless the variable names a broker. Amazon MQ is not suitable: its ActiveMQ supports only MQTT 3.1.1,
# which has no shared subscriptions, and its RabbitMQ does not support MQTT (docs/deploy.md).
module "mqtt_bridge" {
  source = "../container"
  count  = length(aws_security_group.mqtt_bridge)

  name                 = "${var.name}-mqtt-bridge"
  cluster              = local.cluster
  account              = var.account
  image                = "${aws_ecr_repository.this["mqtt_bridge"].repository_url}:${var.image_tags.mqtt_bridge}"
  image_repository_arn = aws_ecr_repository.this["mqtt_bridge"].arn
  task_role_arn        = module.container_role["mqtt_bridge"].arn
  environment          = local.container_environments["mqtt_bridge"]
  secrets              = { MQTT_PASSWORD = var.mqtt_bridge.password_secret_arn }
  required_environment = local.container_requirements["mqtt_bridge"]
  health_command       = local.health_commands.mqtt_bridge
  start_period_s       = 30
  cpu                  = var.mqtt_bridge.cpu
  memory_mb            = var.mqtt_bridge.memory_mb
  cpu_architecture     = var.cpu_architecture
  shutdown_budget_s    = local.shutdown_budget_s
  min_tasks            = var.mqtt_bridge.min_tasks
  max_tasks            = var.mqtt_bridge.max_tasks
  # 60 % of one core, as for the broadcaster.
  cpu_target_percent = max(10, floor(60 * min(1, 1024 / var.mqtt_bridge.cpu)))
  log_retention_days = var.retention.log_days

  network = merge(module.network.tasks, {
    security_group_ids = concat(module.network.tasks.security_group_ids, aws_security_group.mqtt_bridge[*].id)
  })

  depends_on = [module.container_role, aws_dynamodb_table.this, aws_kinesis_firehose_delivery_stream.raw_log, module.consumer]
}
