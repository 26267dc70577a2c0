# Alarms, each with an entry of its name in docs/operations.md. They go to one SNS topic.
#
# Missing data means different things: that nothing comes is an alarm of its own (no-points,
# no-round), but a rate of nothing is no failure. One metric's name is used in one way: by an id that
# its declaration in the code must know, or the plan fails.

locals {
  # What our own components emit, by "component.Name".
  own = merge([
    for component, metrics in var.measured.components : {
      for metric in keys(metrics) : "${component}.${metric}" => {
        namespace  = var.measured.namespace
        name       = metric
        dimensions = { (var.measured.dimension) = component }
      }
    }
  ]...)

  logged = {
    errors           = { namespace = var.measured.namespace, name = "ErrorsLogged", dimensions = {} }
    authorizer_ended = { namespace = var.measured.namespace, name = "AuthorizerEnded", dimensions = {} }
  }

  search = { ClientId = var.account.id, DomainName = var.watched.domain_name }

  as_built = {
    expression = null
    missing    = "notBreaching"
    comparison = "GreaterThanOrEqualToThreshold"
    period_s   = 60
    within     = null
  }

  described = { for key, alarm in local.alarms : key => merge(local.as_built, { runbook = key }, alarm) }
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
  for_each = var.emails

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

# What a component logs as an error is something that a person should look at (rtdts/runtime/logs.py).
resource "aws_cloudwatch_log_metric_filter" "errors_logged" {
  for_each = var.watched.log_group_names

  name           = "${var.name}-errors-${each.key}"
  log_group_name = each.value
  pattern        = "{ $.level = \"error\" }"

  # All into one, which is paid once; the logs say which part it was.
  metric_transformation {
    namespace = local.logged.errors.namespace
    name      = local.logged.errors.name
    value     = "1"
    unit      = "Count"
  }
}

# What the authorizer can't count itself: its time ran out, it died, or it could not be imported. These
# are lines of Lambda's own, whose form is that of its Telemetry API.
resource "aws_cloudwatch_log_metric_filter" "authorizer_ended" {
  name           = "${var.name}-authorizer-ended"
  log_group_name = var.watched.log_group_names[local.raises_by_design]
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
  alarm_description   = "${each.value.meaning} What to do: docs/operations.md#${each.value.runbook}"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.within == null ? each.value.times : each.value.within
  datapoints_to_alarm = each.value.times
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
      id          = "judged"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }
}
