mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                 = "rtdts-test-operations"
  account_id           = "123456789012"
  region               = "eu-central-1"
  image                = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/x:0123456789abcdef"
  image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/x"
  task_role_arn        = "arn:aws:iam::123456789012:role/t"
  environment          = { B = "2", A = "1" }
  cpu                  = 512
  memory_mb            = 1024
  log_retention_days   = 7
}

run "a_container_that_can_do_little" {
  command = apply

  assert {
    condition     = output.container.readonlyRootFilesystem && output.container.user == "10001:10001"
    error_message = "It is nobody, and writes nowhere."
  }

  assert {
    condition     = output.container.linuxParameters.capabilities.drop == ["ALL"]
    error_message = "No capabilities."
  }

  assert {
    condition     = [for variable in output.container.environment : variable.name] == ["A", "B"]
    error_message = "In order, so that nothing changes for nothing."
  }

  assert {
    condition     = output.container.logConfiguration.options["awslogs-group"] == output.log_group_name
    error_message = "What it says is where the operator looks."
  }
}

run "it_ends_when_it_is_done" {
  command = apply

  assert {
    condition     = !can(output.container.restartPolicy)
    error_message = "A command that failed is not begun again by itself."
  }
}

run "an_image_needs_its_digest" {
  command = plan

  variables {
    image = "x:latest"
  }

  expect_failures = [var.image]
}

run "sizes_are_fargates" {
  command = plan

  variables {
    cpu              = 300
    cpu_architecture = "arm64"
  }

  expect_failures = [var.cpu, var.cpu_architecture]
}

run "memory_fits_the_processor" {
  command = plan

  variables {
    cpu       = 1024
    memory_mb = 1024
  }

  expect_failures = [var.memory_mb]
}

run "what_it_needs_it_must_be_told" {
  command = plan

  variables {
    required_environment = ["C"]
  }

  expect_failures = [aws_ecs_task_definition.this]
}
