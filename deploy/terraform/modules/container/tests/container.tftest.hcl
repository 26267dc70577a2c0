mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                 = "rtdts-test-consumer"
  cluster              = { arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/c", name = "c" }
  account              = { id = "123456789012", region = "eu-central-1" }
  image                = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/x:0123456789abcdef"
  image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/x"
  task_role_arn        = "arn:aws:iam::123456789012:role/t"
  environment          = { B = "2", A = "1" }
  health_command       = "true"
  cpu                  = 512
  memory_mb            = 1024
  network              = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"], assign_public_ip = false }
  writable_folders     = { tmp = "/tmp" }
  shutdown_budget_s    = 90
  min_tasks            = 1
  max_tasks            = 3
  log_retention_days   = 7
  scale_out = {
    behind = {
      why         = "Work is delayed"
      namespace   = "N"
      metric_name = "m"
      dimensions  = { d = "v" }
      threshold   = 10
      minutes     = 3
    }
  }
}

run "no_scaling_alarms_if_there_can_be_only_one_task" {
  command = apply

  variables {
    max_tasks = 1
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.scale_out) == 0
    error_message = "With a maximum of one task there must be no alarms that start another."
  }
}

run "a_shutdown_budget_must_end_before_the_stop_timeout" {
  command = plan

  variables {
    shutdown_budget_s = 115
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "a_command_is_no_service" {
  command = apply

  variables {
    cluster   = null
    network   = null
    scale_out = {}
    max_tasks = 1
  }

  assert {
    condition     = length(aws_ecs_service.this) == 0 && !can(output.container.restartPolicy)
    error_message = "A command must have no service and no restart policy, so that it is not started again when it fails."
  }

  assert {
    condition     = !can(output.container.logConfiguration.options["mode"]) && output.container.user == "10001:10001"
    error_message = "A command's log must block instead of dropping lines, and it must run as user 10001, like services."
  }
}

run "required_settings_must_be_set" {
  command = plan

  variables {
    required_environment = ["C"]
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "values_that_fargate_would_reject" {
  command = plan

  variables {
    cpu              = 300
    cpu_architecture = "arm64"
    min_tasks        = 0
  }

  expect_failures = [
    var.cpu,
    var.cpu_architecture,
    var.min_tasks,
  ]
}

run "values_that_contradict_each_other" {
  command = plan

  variables {
    image     = "x:latest"
    cpu       = 4096
    memory_mb = 32768 # more than Fargate allows with this cpu
    min_tasks = 4
  }

  expect_failures = [var.image, var.memory_mb, var.max_tasks]
}
