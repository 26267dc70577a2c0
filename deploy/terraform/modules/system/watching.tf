# Alarms, each with an entry of its name in docs/alarms.md. They go to one SNS topic.
#
# Most alarms ignore missing data, because a rate without requests is no failure. If nothing arrives, separate
# alarms fire (no-points, no-round, mqtt-silent). Our own metrics are looked up in definitions.json: the plan
# fails if the code does not declare the metric.

locals {
  # Metrics of our own components, by "component.Name".
  own = merge([
    for component, metrics in local.definitions.metrics.components : {
      for metric in keys(metrics) : "${component}.${metric}" => {
        namespace  = local.definitions.metrics.namespace
        name       = metric
        dimensions = { (local.definitions.metrics.dimension) = component }
      }
    }
  ]...)

  logged = {
    for key, name in { errors = "ErrorsLogged", authorizer_ended = "AuthorizerEnded" } :
    key => { namespace = local.definitions.metrics.namespace, name = name, dimensions = {} }
  }

  # search-admin needs no alarm: if it fails, the apply fails.
  watched_functions = { for key, function in module.function : key => function if key != "search-admin" }
  watched_names     = { for key, function in local.watched_functions : key => function.name }
  queue_names       = { for key, queue in aws_sqs_queue.this : key => queue.name }
  dead_letter_names = { for key, queue in aws_sqs_queue.dead_letter : key => queue.name }
  search_dimensions = { ClientId = var.account.id, DomainName = var.name }

  services = merge(
    { consumer = module.consumer, broadcaster = module.broadcaster },
    { for bridge in module.mqtt_bridge : "mqtt_bridge" => bridge },
  )
  service_names      = { for key, service in local.services : key => service.name }
  watched_log_groups = { for key, one in merge(local.watched_functions, local.services) : key => one.log_group_name }

  # 60 s is the setting's default: a viewer is promised a message per minute.
  round_interval_s = tonumber(lookup(var.settings, "ROUND_INTERVAL_S", "60"))
  round_spread     = tonumber(local.known_settings["ROUND_SPREAD"])

  # Seconds after which a nudge becomes a dead letter.
  nudges_given_up_s = local.definitions.queues.nudges.visibility_timeout_s * local.definitions.queues.nudges.max_receive_count

  comparisons = {
    at_least = "GreaterThanOrEqualToThreshold"
    above    = "GreaterThanThreshold"
    below    = "LessThanThreshold"
    at_most  = "LessThanOrEqualToThreshold"
  }

  described = {
    for key, alarm in local.alarms : key => merge(
      { runbook = key, expression = null, missing = "notBreaching", period_s = 60 },
      alarm,
      one([for word, operator in local.comparisons : { operator = operator, threshold = alarm[word] } if contains(keys(alarm), word)]),
    )
  }
}

resource "aws_sns_topic" "this" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarms.emails

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

# Counts the errors that components log (rtdts/runtime/logs.py).
resource "aws_cloudwatch_log_metric_filter" "errors_logged" {
  for_each = local.watched_log_groups

  name           = "${var.name}-errors-${each.key}"
  log_group_name = each.value
  pattern        = "{ $.level = \"error\" }"

  # One metric for all parts, because each costs money. The logs show which part it was.
  metric_transformation {
    namespace = local.logged.errors.namespace
    name      = local.logged.errors.name
    value     = "1"
    unit      = "Count"
  }
}

# Counts failures that the authorizer can't count itself: a timeout, a crash, an import error. Lambda logs them in
# the format of its Telemetry API.
resource "aws_cloudwatch_log_metric_filter" "authorizer_ended" {
  name           = "${var.name}-authorizer-ended"
  log_group_name = local.watched_log_groups[local.raises_by_design]
  pattern        = "{ $.record.status = \"timeout\" || $.record.errorType = Runtime.* }"

  metric_transformation {
    namespace = local.logged.authorizer_ended.namespace
    name      = local.logged.authorizer_ended.name
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.described

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.meaning} What to do: docs/alarms.md#${each.value.runbook}"
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  datapoints_to_alarm = each.value.times[0]
  evaluation_periods  = each.value.times[1]
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        namespace   = metric_query.value.of.namespace
        metric_name = metric_query.value.of.name
        dimensions  = metric_query.value.of.dimensions
        stat        = metric_query.value.stat
        period      = each.value.period_s
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "result"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }
}
