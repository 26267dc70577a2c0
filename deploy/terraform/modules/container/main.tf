# One container on Fargate. With a cluster it is a service: ECS restarts the container in its task, rolls back
# a failed deployment, and scales the number of tasks. Without a cluster it is a command: it is started when it
# is needed, and ends by itself.

locals {
  is_service = var.cluster != null

  missing = setsubtract(var.required_environment, concat(keys(var.environment), keys(var.secrets)))

  # No alarms if max_tasks leaves no room for another task.
  scale_out = var.max_tasks > var.min_tasks ? var.scale_out : {}

  # Only for services.
  service_options = !local.is_service ? [] : [{
    healthCheck = {
      command     = ["CMD-SHELL", var.health_command]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = var.start_period_s
    }

    # Restarts the container in the same task, so that it keeps its address, and the name under which the KCL
    # holds its leases.
    restartPolicy = {
      enabled              = true
      restartAttemptPeriod = 60
    }
  }]

  # A service must not stop because its log can't be written. A command must not lose a log line.
  log_mode = local.is_service ? { mode = "non-blocking", max-buffer-size = "25m" } : {}

  # The memory sizes in MB that Fargate allows, by CPU units.
  fargate_mb = tomap({
    "256"   = [512, 1024, 2048]
    "512"   = range(1024, 4097, 1024)
    "1024"  = range(2048, 8193, 1024)
    "2048"  = range(4096, 16385, 1024)
    "4096"  = range(8192, 30721, 1024)
    "8192"  = range(16384, 61441, 4096)
    "16384" = range(32768, 122881, 8192)
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/ecs/${var.name}"
  retention_in_days = var.log_retention_days
}

# With this role, ECS starts the container.
module "execution_role" {
  source = "../role"

  name           = "${var.name}-start"
  description    = "Lets ECS fetch the image of ${var.name} and write its log"
  service        = "ecs-tasks.amazonaws.com"
  for_account_id = var.account.id

  statements = concat([
    {
      sid                = "LogIn"
      actions            = ["ecr:GetAuthorizationToken"]
      resources          = ["*"]
      why_every_resource = "GetAuthorizationToken has no resource-level permissions; the next statement limits the repository."
    },
    {
      sid       = "FetchImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [var.image_repository_arn]
    },
    {
      sid       = "OwnLog"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
    ],
    [for arn in toset(values(var.secrets)) : { sid = "Secret", actions = ["secretsmanager:GetSecretValue"], resources = [arn] }],
  )
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory_mb)
  execution_role_arn       = module.execution_role.arn
  task_role_arn            = var.task_role_arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  dynamic "volume" {
    for_each = var.writable_folders

    content {
      name = volume.key
    }
  }

  container_definitions = jsonencode([merge(concat(local.service_options, [{
    name                   = var.name
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = var.stop_timeout_s
    environment            = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets                = [for name, arn in var.secrets : { name = name, valueFrom = arn }]

    mountPoints = [
      for name, folder in var.writable_folders :
      { sourceVolume = name, containerPath = folder, readOnly = false }
    ]

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    # Fargate's defaults, stated here because each connection needs a file descriptor.
    ulimits = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]

    logConfiguration = {
      logDriver = "awslogs"
      options = merge(local.log_mode, {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.account.region
        awslogs-stream-prefix = "task"
      })
    }
  }])...)])

  lifecycle {
    precondition {
      condition     = length(local.missing) == 0
      error_message = "${var.name} needs a value for each required setting. Missing: ${join(", ", local.missing)}."
    }

    precondition {
      condition     = var.shutdown_budget_s <= var.stop_timeout_s - 10
      error_message = "shutdown_budget_s must be at least 10 s less than stop_timeout_s, after which the container is killed."
    }
  }
}

resource "aws_ecs_service" "this" {
  count = local.is_service ? 1 : 0

  name                    = var.name
  cluster                 = var.cluster.arn
  task_definition         = aws_ecs_task_definition.this.arn
  launch_type             = "FARGATE"
  desired_count           = var.min_tasks
  propagate_tags          = "SERVICE"
  enable_ecs_managed_tags = true

  # New tasks start before old ones drain.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # The apply ends only when the new tasks run.
  wait_for_steady_state = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = var.network.security_group_ids
    assign_public_ip = var.network.assign_public_ip
  }

  lifecycle {
    ignore_changes = [desired_count] # set by autoscaling
  }

  timeouts {
    create = "30m"
    update = "30m"
  }
}

resource "aws_appautoscaling_target" "this" {
  count = length(aws_ecs_service.this)

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.this[0].name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

# Scale-in is slow, because each stopped task must hand over its work.
resource "aws_appautoscaling_policy" "cpu" {
  count = length(aws_appautoscaling_target.this)

  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.cpu_target_percent
    scale_out_cooldown = 120
    scale_in_cooldown  = 900

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "scale_out" {
  count = length(local.scale_out) > 0 ? 1 : 0

  name               = "${var.name}-behind"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 300
    metric_aggregation_type = "Maximum"

    step_adjustment {
      metric_interval_lower_bound = "0"
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "scale_out" {
  for_each = local.scale_out

  alarm_name          = "${var.name}-scale-out-${each.key}"
  alarm_description   = "${each.value.why}: autoscaling starts another task of ${var.name}. No action is needed."
  namespace           = each.value.namespace
  metric_name         = each.value.metric_name
  dimensions          = each.value.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.scale_out[0].arn]
}
