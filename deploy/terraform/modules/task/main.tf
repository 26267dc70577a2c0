# One container that somebody starts when it is needed, and that ends by itself.

locals {
  container = var.name
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

  container_definitions = jsonencode([{
    name                   = local.container
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    # What is interrupted is run again.
    stopTimeout = 30
    environment = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = module.start.log_group_name
        awslogs-region        = var.region
        awslogs-stream-prefix = "task"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = length(setsubtract(var.required_environment, keys(var.environment))) == 0
      error_message = "${var.name} would not start without ${join(", ", setsubtract(var.required_environment, keys(var.environment)))}."
    }
  }
}
