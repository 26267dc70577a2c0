mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                       = "rtdts-test-socket"
  route_selection_expression = "$request.body.action"
  routes                     = ["$connect", "$disconnect", "$default", "track"]
  authorized_route           = "$connect"
  handler                    = { name = "s", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/s/invocations" }
  authorizer                 = { name = "a", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/a/invocations" }
  throttle                   = { requests_per_second = 10, burst = 20 }
  access_logs                = true
  log_retention_days         = 7
}

run "the_authorized_route_must_be_one_of_the_routes" {
  command = plan

  variables {
    authorized_route = "$cnnect"
  }

  expect_failures = [var.authorized_route]
}

run "required_routes" {
  command = plan

  variables {
    routes   = ["$connect", "track"]
    throttle = { requests_per_second = 10, burst = 0 }
  }

  expect_failures = [var.routes, var.throttle]
}
