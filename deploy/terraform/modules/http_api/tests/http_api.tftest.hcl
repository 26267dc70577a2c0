mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test-http"
  issuer             = "https://id.example.com"
  audience           = "rtdts"
  throttle           = { requests_per_second = 10, burst = 20 }
  log_retention_days = 7
  pages = {
    methods            = ["DELETE", "GET", "POST", "PUT"]
    request_headers    = ["authorization"]
    response_headers   = ["retry-after"]
    preflight_cached_s = 60
  }
  functions = {
    ingest = {
      name       = "i"
      invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/i/invocations"
      routes     = ["POST /telemetry"]

      open_routes = ["POST /phones/owntracks"]
    }
    delivery = {
      name       = "d"
      invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/d/invocations"
      routes     = ["GET /deliveries", "POST /tickets"]
    }
  }
}

run "each_route_requires_a_token_unless_it_is_open" {
  command = apply

  assert {
    condition = alltrue([
      for key, route in aws_apigatewayv2_route.this :
      route.authorization_type == (key == "POST /phones/owntracks" ? "NONE" : "JWT")
    ])
    error_message = "Each route must require a token, except the open ones."
  }

  assert {
    condition = alltrue([
      for route in aws_apigatewayv2_stage.this.route_settings :
      route.route_key == "POST /phones/owntracks" && route.throttling_rate_limit == 2.5 && route.throttling_burst_limit == 5
    ]) && length(aws_apigatewayv2_stage.this.route_settings) == 1
    error_message = "Only the open route may have its own throttle, a quarter of the API's."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.this.cors_configuration) == 0
    error_message = "Without allowed origins, there must be no CORS configuration."
  }
}

run "a_page_may_call_the_api_if_its_origin_is_allowed" {
  command = apply

  variables {
    allowed_origins = ["https://tracking.example.com"]
  }

  assert {
    condition     = aws_apigatewayv2_api.this.cors_configuration[0].allow_origins == toset(["https://tracking.example.com"])
    error_message = "The API must allow this origin and no other."
  }
}

run "values_that_open_or_close_the_api_by_mistake_are_rejected" {
  command = plan

  variables {
    allowed_origins = ["*", "https://tracking.example.com/"]
    issuer          = "http://id.example.com"
    audience        = ""
    throttle        = { requests_per_second = 0, burst = 20 }
    functions = { # two functions with the same route
      a = { name = "a", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/a/invocations", routes = ["GET /x"] }
      b = { name = "b", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/b/invocations", routes = ["GET /x"] }
    }
  }

  expect_failures = [
    var.allowed_origins,
    var.allowed_origins,
    var.issuer,
    var.audience,
    var.throttle,
    var.functions,
  ]
}
