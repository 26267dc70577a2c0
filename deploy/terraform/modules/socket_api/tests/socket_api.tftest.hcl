mock_provider "aws" {
  source = "../../testing/aws"
}

override_resource {
  target = aws_apigatewayv2_api.this
  values = {
    id            = "socket0000"
    api_endpoint  = "wss://socket0000.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:socket0000"
  }
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

run "only_connecting_is_asked_who_it_is" {
  command = apply

  assert {
    condition     = { for key, route in aws_apigatewayv2_route.this : key => route.authorization_type } == { "$connect" = "CUSTOM", "$disconnect" = "NONE", "$default" = "NONE", "track" = "NONE" }
    error_message = "API Gateway allows it nowhere else."
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.connect.identity_sources == null
    error_message = "Each source listed would be required: a viewer has a token or a ticket."
  }
}

run "a_role_may_post_to_connections_of_this_stage_and_end_them" {
  command = apply

  assert {
    condition = output.connections_arns == [
      "arn:aws:execute-api:eu-central-1:123456789012:socket0000/live/POST/@connections/*",
      "arn:aws:execute-api:eu-central-1:123456789012:socket0000/live/DELETE/@connections/*",
    ]
    error_message = "What a role may post to and end: connections of this stage."
  }
}

run "logs_may_be_left_out" {
  command = apply

  variables {
    access_logs = false
  }

  assert {
    condition     = length(aws_apigatewayv2_stage.this.access_log_settings) == 0
    error_message = "Where the region has no role for them."
  }
}

run "the_authorized_route_is_one_of_the_routes" {
  command = plan

  variables {
    authorized_route = "$cnnect"
  }

  expect_failures = [var.authorized_route]
}

run "routes_that_are_always_wanted" {
  command = plan

  variables {
    routes   = ["$connect", "track"]
    throttle = { requests_per_second = 10, burst = 0 }
  }

  expect_failures = [var.routes, var.throttle]
}
