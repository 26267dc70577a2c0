mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name       = "rtdts-test"
  account_id = "123456789012"
  emails     = ["somebody@example.com"]

  measured = jsondecode(file("../../generated/definitions.json")).metrics

  watched = {
    stream_name          = "points"
    table_names          = { deliveries = "rtdts-test-deliveries", truck_matches = "rtdts-test-truck-matches" }
    function_names       = { ingest = "rtdts-test-ingest" }
    queue_names          = { nudges = "nudges.fifo" }
    dead_letter_names    = { nudges = "nudges-dead.fifo" }
    domain_name          = "rtdts-test"
    delivery_stream_name = "rtdts-test-raw-log"
    http_api_id          = "http0api00"
    socket_api           = { id = "socket0000", stage = "live" }
    log_group_names      = { ingest = "/aws/lambda/rtdts-test-ingest" }
  }

  promised = {
    round_interval_s       = 60
    search_volume_gb       = 20
    nudges_given_up_s      = 25
    stream_retention_hours = 24
  }

  no_points_minutes = 15
}

run "everybody_who_is_named_is_told" {
  command = apply

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([aws_sns_topic.this.arn])])
    error_message = "Every alarm goes to the topic."
  }

  assert {
    condition     = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint] == ["somebody@example.com"]
    error_message = "And the topic to whoever is named."
  }
}

run "limits_follow_from_what_is_promised" {
  command = apply

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["round-late"].threshold == 45000
    error_message = "Three quarters of the interval."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["search-disk"].threshold == 5120
    error_message = "A quarter of the disk, in MB."
  }
}

run "silence_is_an_alarm_only_where_something_always_speaks" {
  command = apply

  assert {
    condition = toset([
      for key, alarm in aws_cloudwatch_metric_alarm.this : key if alarm.treat_missing_data != "notBreaching"
    ]) == toset(["no-points", "no-round"])
    error_message = "Points and rounds are expected; errors are not."
  }
}

run "no_trucks_may_be_on_the_road" {
  command = apply

  variables {
    no_points_minutes = null
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "no-points")
    error_message = "Where that is so, it is no alarm."
  }
}

run "a_lost_task_is_no_alarm_yet" {
  command = plan

  variables {
    iterator_age_s = 60
  }

  expect_failures = [var.iterator_age_s]
}

run "nor_may_it_wait_until_the_points_are_gone" {
  command = plan

  variables {
    iterator_age_s = 43200
  }

  expect_failures = [var.iterator_age_s]
}

run "an_address_has_an_at" {
  command = plan

  variables {
    emails = ["nobody"]
  }

  expect_failures = [var.emails]
}

run "a_minute_without_a_point_is_no_alarm" {
  command = plan

  variables {
    no_points_minutes = 1
  }

  expect_failures = [var.no_points_minutes]
}

run "a_percent_of_nothing" {
  command = plan

  variables {
    http_errors_percent = 0
  }

  expect_failures = [var.http_errors_percent]
}

run "all_viewers_are_no_limit" {
  command = plan

  variables {
    viewers_not_reached_percent = 100
  }

  expect_failures = [var.viewers_not_reached_percent]
}
