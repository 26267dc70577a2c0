mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name       = "rtdts-test"
  region     = "eu-central-1"
  account_id = "123456789012"
  measured   = jsondecode(file("../../generated/definitions.json")).metrics
  services   = { cluster_name = "rtdts-test", names = { consumer = "rtdts-test-consumer" } }
  alarm_arns = ["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:rtdts-test-no-round"]

  logged = {
    errors           = { namespace = "RTDTS", name = "ErrorsLogged" }
    authorizer_ended = { namespace = "RTDTS", name = "AuthorizerEnded" }
  }

  watched = {
    stream_name          = "points"
    table_names          = { deliveries = "rtdts-test-deliveries" }
    function_names       = { ingest = "rtdts-test-ingest" }
    queue_names          = { nudges = "nudges.fifo" }
    dead_letter_names    = { nudges = "nudges-dead.fifo" }
    domain_name          = "rtdts-test"
    delivery_stream_name = "rtdts-test-raw-log"
    http_api_id          = "http0api00"
    socket_api           = { id = "socket0000", stage = "live" }
    log_group_names      = { ingest = "/aws/lambda/rtdts-test-ingest", delivery = "/aws/lambda/rtdts-test-delivery" }
  }
}

run "it_fits" {
  command = apply

  assert {
    condition     = alltrue([for widget in jsondecode(output.body).widgets : widget.x + widget.width <= 24])
    error_message = "CloudWatch's grid has 24 columns."
  }

  assert {
    condition = length(distinct([
      for widget in jsondecode(output.body).widgets : "${widget.x},${widget.y}"
    ])) == length(jsondecode(output.body).widgets)
    error_message = "No two in one place."
  }
}

run "alarms_come_first" {
  command = apply

  assert {
    condition     = tolist(jsondecode(output.body).widgets[0].properties.alarms) == var.alarm_arns
    error_message = "What is wrong now, before all graphs."
  }
}

run "one_point_is_asked_for_in_every_log_on_its_way" {
  command = apply

  assert {
    condition     = toset(aws_cloudwatch_query_definition.this["follow-one-point"].log_group_names) == toset(values(var.watched.log_group_names))
    error_message = "From the HTTP request to the socket."
  }
}
