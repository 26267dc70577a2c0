# One container as an ECS service on Fargate: it restarts where it is, a bad deployment goes back,
# and its size follows what it has to do.

locals {
  container = var.name

  # Names of CloudWatch's own comparison; a metric that is missing is no reason to grow.
  scale_out = var.max_tasks > var.min_tasks ? var.scale_out : {}

  health_check = {
    command     = ["CMD-SHELL", var.health_command]
    interval    = 15
    timeout     = 5
    retries     = 3
    startPeriod = var.start_period_s
  }
}

module "start" {
  source = "../task_start"

  name                 = var.name
  account_id           = var.account_id
  image_repository_arn = var.image_repository_arn
  log_retention_days   = var.log_retention_days
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory_mb)
  execution_role_arn       = module.start.execution_role_arn
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

  container_definitions = jsonencode([{
    name                   = local.container
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = var.stop_timeout_s
    environment            = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    healthCheck            = local.health_check

    mountPoints = [
      for name, folder in var.writable_folders :
      { sourceVolume = name, containerPath = folder, readOnly = false }
    ]

    # In the same task: it keeps its address and its name, which the KCL's leases are held under.
    restartPolicy = {
      enabled              = true
      restartAttemptPeriod = 60
    }

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    # Fargate's own bounds; a process needs a file a connection.
    ulimits = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = module.start.log_group_name
        awslogs-region        = var.region
        awslogs-stream-prefix = "task"
        # A log that can't be written must not stop the work.
        mode            = "non-blocking"
        max-buffer-size = "25m"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = length(setsubtract(var.required_environment, keys(var.environment))) == 0
      error_message = "${var.name} would not start without ${join(", ", setsubtract(var.required_environment, keys(var.environment)))}."
    }

    precondition {
      condition     = var.shutdown_budget_s <= var.stop_timeout_s - 10
      error_message = "The shutdown budget must end 10 s before the container is killed."
    }
  }
}

resource "aws_ecs_service" "this" {
  name                    = var.name
  cluster                 = var.cluster.arn
  task_definition         = aws_ecs_task_definition.this.arn
  launch_type             = "FARGATE"
  desired_count           = var.min_tasks
  propagate_tags          = "SERVICE"
  enable_ecs_managed_tags = true

  # Those that go drain what they hold while those that come already work.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # An apply that ends has left something that runs.
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
    ignore_changes = [desired_count] # the autoscaling's business
  }

  timeouts {
    create = "30m"
    update = "30m"
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

# Scaling in is slow: each task that goes hands over what it holds.
resource "aws_appautoscaling_policy" "cpu" {
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

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
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

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
  alarm_description   = "${each.value.why}: another task of ${var.name}. Not for people."
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
