mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name     = "rtdts-test"
  account  = { id = "123456789012", region = "eu-central-1" }
  emails   = []
  silence  = { from_hour = 6, to_hour = 18, days = [1, 5] }
  services = { cluster_name = "rtdts-test", names = { consumer = "rtdts-test-consumer" } }

  measured = jsondecode(file("../../generated/definitions.json")).metrics

  watched = {
    stream_name          = "points"
    table_names          = { deliveries = "rtdts-test-deliveries", truck_matches = "rtdts-test-truck-matches" }
    function_names       = { ingest = "rtdts-test-ingest", socket-authorizer = "rtdts-test-socket-authorizer" }
    queue_names          = { nudges = "nudges.fifo" }
    dead_letter_names    = { nudges = "nudges-dead.fifo" }
    domain_name          = "rtdts-test"
    delivery_stream_name = "rtdts-test-raw-log"
    http_api_id          = "http0api00"
    socket_api           = { id = "socket0000", stage = "live" }
    log_group_names      = { ingest = "/aws/lambda/rtdts-test-ingest", socket-authorizer = "/aws/lambda/rtdts-test-socket-authorizer" }
  }

  promised = {
    round_interval_s       = 60
    round_spread           = 0.5
    search_volume_gb       = 20
    search_nodes           = 3
    nudges_given_up_s      = 25
    stream_retention_hours = 24
  }
}

run "limits_follow_from_what_is_promised" {
  command = apply

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["round-late"].threshold == 52500
    error_message = "The half over which a round is spread, and three quarters of the other."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["search-disk"].threshold == 5120
    error_message = "A quarter of the disk, in MB."
  }
}

run "no_trucks_may_be_on_the_road" {
  command = apply

  variables {
    silence = null
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "no-points")
    error_message = "Where that is so, it is no alarm."
  }
}

run "a_quiet_night_is_no_alarm" {
  command = plan

  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.this["no-points"].metric_query : query.expression if query.return_data
    ]) == "IF((HOUR(ingest_lambda) >= 6 AND HOUR(ingest_lambda) < 18) AND (DAY(ingest_lambda) == 1 OR DAY(ingest_lambda) == 5) AND FILL(ingest_lambda, 0) < 1, 1, 0)"
    error_message = "Silence counts only at hours and on days when trucks are on the road."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-points"].datapoints_to_alarm == 15
    error_message = "A quarter of an hour of it."
  }
}

run "a_day_in_seoul_is_a_night_in_utc" {
  command = plan

  variables {
    silence = { from_hour = 21, to_hour = 11, days = [7] }
  }

  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.this["no-points"].metric_query : query.expression if query.return_data
    ]) == "IF((HOUR(ingest_lambda) >= 21 OR HOUR(ingest_lambda) < 11) AND (DAY(ingest_lambda) == 7) AND FILL(ingest_lambda, 0) < 1, 1, 0)"
    error_message = "Past midnight."
  }
}

run "the_dashboard_fits" {
  command = apply

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "CloudWatch's grid has 24 columns."
  }

  assert {
    condition = length(distinct([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x},${widget.y}"
    ])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets)
    error_message = "No two in one place."
  }
}

run "limits_that_alarm_for_nothing" {
  command = plan

  variables {
    emails              = ["no-address"]
    iterator_age_s      = 60 # a lost task takes longer
    http_errors_percent = 0
    silence             = { minutes = 1, from_hour = 6, to_hour = 18 }
  }

  expect_failures = [var.emails, var.iterator_age_s, var.http_errors_percent, var.silence]
}

run "limits_that_never_alarm" {
  command = plan

  variables {
    iterator_age_s              = 43200 # the points are gone by then
    viewers_not_reached_percent = 100
    silence                     = { from_hour = 6, to_hour = 25 }
  }

  expect_failures = [var.iterator_age_s, var.viewers_not_reached_percent, var.silence]
}

run "a_week_has_seven_days" {
  command = plan

  variables {
    silence = { from_hour = 6, to_hour = 18, days = [0] }
  }

  expect_failures = [var.silence]
}
