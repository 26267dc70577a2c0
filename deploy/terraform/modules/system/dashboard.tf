# One dashboard, in the order in which a point flows: ingest, stream, stores, viewers; then Lambdas, containers
# and tables. Related graphs share a row.

locals {
  # A metric in a dashboard's format: namespace, name, and each dimension with its value.
  shown = {
    for key, of in local.own : key => concat([of.namespace, of.name], flatten([for name, value in of.dimensions : [name, value]]))
  }
  of_search = flatten([for name, value in local.search_dimensions : [name, value]])
  of_raw    = ["DeliveryStreamName", local.raw_log_name]
  of_http   = ["ApiId", module.http_api.id]
  of_socket = ["ApiId", module.socket_api.id, "Stage", module.socket_api.stage]

  points_in = { for component in ["iot_lambda", "mqtt_bridge"] : component => [
    concat(local.shown["${component}.PointsAccepted"], [{ label = "accepted" }]),
    concat(local.shown["${component}.PointsAdjusted"], [{ label = "of these with a corrected time" }]),
    concat(local.shown["${component}.PointsRejected"], [{ label = "rejected" }]),
    concat(local.shown["${component}.PointsFailed"], [{ label = "not put into the stream" }]),
    concat(local.shown["${component}.StreamAttempts"], [{ label = "attempts" }]),
  ] }

  # For each graph: title, statistic, and metrics. A metric may have a different statistic.
  rows = [for row in [
    [
      { title = "Points in, per minute", stat = "Sum", metrics = [
        concat(local.shown["ingest_lambda.PointsAccepted"], [{ label = "accepted" }]),
        concat(local.shown["ingest_lambda.PointsAdjusted"], [{ label = "of these with a corrected time" }]),
        concat(local.shown["ingest_lambda.PointsRejected"], [{ label = "rejected" }]),
        concat(local.shown["ingest_lambda.PointsFailed"], [{ label = "to be sent again" }]),
      ] },
      { title = "HTTP requests per minute", stat = "Sum", metrics = [
        concat(["AWS/ApiGateway", "Count"], local.of_http, [{ label = "requests" }]),
        concat(["AWS/ApiGateway", "4xx"], local.of_http, [{ label = "4xx" }]),
        concat(["AWS/ApiGateway", "5xx"], local.of_http, [{ label = "5xx" }]),
      ] },
      { title = "HTTP latency, ms", stat = "p99", metrics = [
        concat(["AWS/ApiGateway", "Latency"], local.of_http, [{ label = "p99" }]),
        concat(["AWS/ApiGateway", "Latency"], local.of_http, [{ label = "p50", stat = "p50" }]),
      ] },
    ],
    flatten([for iot in module.iot_ingest : [
      { title = "IoT Core: points, per minute", stat = "Sum", metrics = local.points_in["iot_lambda"] },
      { title = "IoT Core: how long messages wait, ms", stat = "Maximum", metrics = [
        ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", local.device_messages.stream_name, { label = "the oldest" }],
      ] },
      { title = "IoT Core: messages not processed, per minute", stat = "Sum", metrics = [
        concat(local.shown["iot_lambda.MessagesUnusable"], [{ label = "unusable" }]),
        concat(local.shown["iot_lambda.MessagesRetried"], [{ label = "delivered again" }]),
        concat(local.shown["iot_lambda.MessagesOverQuota"], [{ label = "over a truck's quota" }]),
        ["AWS/IoT", "RuleMessageThrottled", "RuleName", iot.rule_name, { label = "throttled" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.device_messages.queue_name, { label = "in the queue of failed messages", stat = "Maximum" }],
        ["AWS/Lambda", "OnFailureDestinationDeliveredEventCount", "EventSourceMappingUUID", iot.event_source_uuid, { label = "set aside" }],
        ["AWS/Lambda", "DroppedEventCount", "EventSourceMappingUUID", iot.event_source_uuid, { label = "dropped" }],
      ] },
    ]]),
    [for graph in [
      { title = "MQTT bridge: points, per minute", stat = "Sum", metrics = concat(local.points_in["mqtt_bridge"], [
        concat(local.shown["mqtt_bridge.PointsSetAside"], [{ label = "set aside, over a truck's quota" }]),
      ]) },
      { title = "MQTT bridge: messages in flight; the oldest, s", stat = "Maximum", metrics = [
        concat(local.shown["mqtt_bridge.MessagesInFlight"], [{ label = "in flight" }]),
        concat(local.shown["mqtt_bridge.OldestInFlight"], [{ label = "the oldest, s", yAxis = "right" }]),
      ] },
      { title = "MQTT bridge: lost connections, unusable messages, per minute", stat = "Sum", metrics = [
        concat(local.shown["mqtt_bridge.ConnectionsLost"], [{ label = "connections lost" }]),
        concat(local.shown["mqtt_bridge.MessagesUnusable"], [{ label = "unusable messages" }]),
      ] },
    ] : graph if var.mqtt_bridge != null],
    [
      { title = "Stream: written and throttled, per minute", stat = "Sum", metrics = [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", aws_kinesis_stream.telemetry.name, { label = "records" }],
        concat(local.shown["ingest_lambda.StreamAttempts"], [{ label = "attempts" }]),
        ["AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", aws_kinesis_stream.telemetry.name, { label = "throttled writes" }],
        ["AWS/Kinesis", "ReadProvisionedThroughputExceeded", "StreamName", aws_kinesis_stream.telemetry.name, { label = "throttled reads" }],
      ] },
      { title = "Stream: bytes per minute", stat = "Sum", metrics = [
        ["AWS/Kinesis", "IncomingBytes", "StreamName", aws_kinesis_stream.telemetry.name, { label = "bytes" }],
      ] },
      { title = "How long points wait, ms", stat = "Maximum", metrics = [
        ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", aws_kinesis_stream.telemetry.name, { label = "iterator age of the slowest reader" }],
        concat(local.shown["consumer.PointAge"], [{ label = "from the stream until indexed" }]),
        concat(["AWS/Firehose", "KinesisMillisBehindLatest"], local.of_raw, [{ label = "Firehose behind" }]),
      ] },
    ],
    [
      { title = "Consumer: points per second", stat = "Sum", metrics = [
        concat(local.shown["consumer.Points"], [{ id = "points", visible = false }]),
        [{ expression = "points / PERIOD(points)", label = "points/s", id = "rate" }],
      ] },
      { title = "Consumer: duplicates, late and parked points, per minute", stat = "Sum", metrics = [
        concat(local.shown["consumer.Duplicates"], [{ label = "duplicates" }]),
        concat(local.shown["consumer.LatePoints"], [{ label = "late" }]),
        concat(local.shown["consumer.PointsBeyondHorizon"], [{ label = "too late for a status" }]),
        concat(local.shown["consumer.Parked"], [{ label = "parked" }]),
        concat(local.shown["consumer.SlowClocks"], [{ label = "slow clocks in a batch", stat = "Maximum" }]),
      ] },
      { title = "Consumer: duration of a batch, ms", stat = "Maximum", metrics = [
        concat(local.shown["consumer.BatchDuration"], [{ label = "the longest" }]),
        concat(local.shown["consumer.BatchDuration"], [{ label = "average", stat = "Average" }]),
      ] },
    ],
    [
      { title = "OpenSearch: not green, writes blocked", stat = "Maximum", metrics = [
        concat(["AWS/ES", "ClusterStatus.red"], local.of_search, [{ label = "red" }]),
        concat(["AWS/ES", "ClusterStatus.yellow"], local.of_search, [{ label = "yellow" }]),
        concat(["AWS/ES", "ClusterIndexWritesBlocked"], local.of_search, [{ label = "writes blocked" }]),
      ] },
      { title = "OpenSearch: processor and heap, %", stat = "Maximum", metrics = [
        concat(["AWS/ES", "CPUUtilization"], local.of_search, [{ label = "processor" }]),
        concat(["AWS/ES", "JVMMemoryPressure"], local.of_search, [{ label = "heap" }]),
      ] },
      { title = "OpenSearch: free disk of the fullest node, MB", stat = "Minimum", metrics = [
        concat(["AWS/ES", "FreeStorageSpace"], local.of_search, [{ label = "free" }]),
      ] },
    ],
    [
      { title = "Transitions, nudges, per minute", stat = "Sum", metrics = [
        concat(local.shown["consumer.Transitions"], [{ label = "transitions" }]),
        concat(local.shown["broadcaster.NudgesReceived"], [{ label = "nudges" }]),
        concat(local.shown["broadcaster.NudgesFailed"], [{ label = "failed nudges" }]),
        concat(local.shown["broadcaster.NudgesDead"], [{ label = "of these invalid (dead letters)" }]),
      ] },
      { title = "Queues: nudges pushed after, ms; waiting, s; dead letters", stat = "Maximum", metrics = concat(
        [concat(local.shown["broadcaster.NudgeAge"], [{ label = "pushed after, ms", yAxis = "right" }])],
        [for key, name in local.queue_names : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name, { label = "oldest of ${key}" }]],
        [for name in values(local.dead_letter_names) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name, { label = "dead letters" }]],
      ) },
      { title = "Viewers of nudges, per minute", stat = "Sum", metrics = [
        concat(local.shown["broadcaster.NudgeViewersDelivered"], [{ label = "pushed" }]),
        concat(local.shown["broadcaster.NudgeViewersNotReached"], [{ label = "left to the round" }]),
      ] },
    ],
    [
      { title = "Snapshots, per minute", stat = "Sum", metrics = [
        concat(local.shown["broadcaster.SnapshotsReceived"], [{ label = "requested" }]),
        concat(local.shown["broadcaster.SnapshotViewersDelivered"], [{ label = "pushed" }]),
        concat(local.shown["broadcaster.SnapshotViewersNotReached"], [{ label = "left to the round" }]),
        concat(local.shown["broadcaster.SnapshotsFailed"], [{ label = "failed" }]),
        concat(local.shown["broadcaster.SnapshotsDead"], [{ label = "of these invalid (dead letters)" }]),
        concat(local.shown["broadcaster.SnapshotAge"], [{ label = "pushed after, ms", stat = "Maximum", yAxis = "right" }]),
      ] },
      { title = "Posts: allowed per second, rejected per minute", stat = "Minimum", metrics = [
        concat(local.shown["broadcaster.PostRate"], [{ label = "lowest rate of a broadcaster" }]),
        concat(local.shown["broadcaster.PostsOverQuota"], [{ label = "rejected for the account", stat = "Sum", yAxis = "right" }]),
      ] },
    ],
    [
      { title = "Duration of a round, ms", stat = "Maximum", metrics = [
        concat(local.shown["broadcaster.RoundDuration"], [{ label = "duration" }]),
        concat(local.shown["broadcaster.RoundsSkipped"], [{ label = "skipped", stat = "Sum", yAxis = "right" }]),
      ] },
      { title = "Viewers of a round", stat = "Sum", metrics = [
        concat(local.shown["broadcaster.RoundViewersDue"], [{ label = "due" }]),
        concat(local.shown["broadcaster.RoundViewersDelivered"], [{ label = "pushed" }]),
      ] },
      { title = "Viewers that a round did not reach", stat = "Sum", metrics = [
        concat(local.shown["broadcaster.RoundViewersGone"], [{ label = "gone (410)" }]),
        concat(local.shown["broadcaster.RoundViewersThrottled"], [{ label = "throttled (429, or in backoff)" }]),
        concat(local.shown["broadcaster.RoundViewersHanging"], [{ label = "hanging (no response, or in quarantine)" }]),
        concat(local.shown["broadcaster.RoundViewersFailed"], [{ label = "failed" }]),
        concat(local.shown["broadcaster.RoundViewersUnread"], [{ label = "not read in time" }]),
      ] },
    ],
    [
      { title = "Fleet: viewers; duration of a query, ms", stat = "Maximum", metrics = [
        concat(local.shown["broadcaster.FleetViewers"], [{ label = "following" }]),
        concat(local.shown["broadcaster.FleetSnapshotDuration"], [{ label = "longest, ms", yAxis = "right" }]),
      ] },
      { title = "Fleet: messages, per minute", stat = "Sum", metrics = [
        concat(local.shown["broadcaster.FleetMessagesDelivered"], [{ label = "pushed" }]),
        concat(local.shown["broadcaster.FleetMessagesNotReached"], [{ label = "not reached" }]),
        concat(local.shown["broadcaster.FleetSnapshotsFailed"], [{ label = "views not read" }]),
      ] },
    ],
    [
      { title = "Sockets, per minute", stat = "Sum", metrics = [
        concat(["AWS/ApiGateway", "ConnectCount"], local.of_socket, [{ label = "connect" }]),
        concat(["AWS/ApiGateway", "MessageCount"], local.of_socket, [{ label = "messages, both ways" }]),
      ] },
      { title = "Sockets: errors per minute", stat = "Sum", metrics = [
        concat(["AWS/ApiGateway", "ClientError"], local.of_socket, [{ label = "refused" }]),
        concat(["AWS/ApiGateway", "IntegrationError"], local.of_socket, [{ label = "the Lambda returned an error" }]),
        concat(["AWS/ApiGateway", "ExecutionError"], local.of_socket, [{ label = "the Lambda could not be run" }]),
        concat(local.shown["socket_lambda.AuthorizerFailures"], [{ label = "the authorizer failed" }]),
        [local.logged.authorizer_ended.namespace, local.logged.authorizer_ended.name, { label = "Lambda ended the authorizer" }],
      ] },
      { title = "Raw log", stat = "Maximum", metrics = [
        concat(["AWS/Firehose", "DeliveryToAmazonOpenSearchService.DataFreshness"], local.of_raw, [{ label = "oldest, s" }]),
        concat(["AWS/Firehose", "DeliveryToS3.DataFreshness"], local.of_raw, [{ label = "oldest of the backup, s" }]),
        concat(["AWS/Firehose", "DeliveryToAmazonOpenSearchService.Success"], local.of_raw, [{ label = "share that was indexed", stat = "Average", yAxis = "right" }]),
      ] },
    ],
    [
      { title = "Lambdas: invocations per minute", stat = "Sum", metrics = [
        for key, name in local.watched_names : ["AWS/Lambda", "Invocations", "FunctionName", name, { label = key }]
      ] },
      { title = "Lambdas: errors and throttles", stat = "Sum", metrics = concat(
        [for key, name in local.watched_names : ["AWS/Lambda", "Errors", "FunctionName", name, { label = "${key}: errors" }]],
        [for key, name in local.watched_names : ["AWS/Lambda", "Throttles", "FunctionName", name, { label = "${key}: throttles" }]],
      ) },
      { title = "Lambdas: duration, ms", stat = "p99", metrics = [
        for key, name in local.watched_names : ["AWS/Lambda", "Duration", "FunctionName", name, { label = key }]
      ] },
    ],
    [
      { title = "Containers: processor, %", stat = "Maximum", metrics = [
        for key, name in local.service_names : ["AWS/ECS", "CPUUtilization", "ClusterName", local.cluster.name, "ServiceName", name, { label = key }]
      ] },
      { title = "Containers: memory, %", stat = "Maximum", metrics = [
        for key, name in local.service_names : ["AWS/ECS", "MemoryUtilization", "ClusterName", local.cluster.name, "ServiceName", name, { label = key }]
      ] },
      { title = "Tables: throttled, per minute", stat = "Sum", metrics = concat(
        [for key, name in local.table_names : ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", name, { label = "${key}: reads" }]],
        [for key, name in local.table_names : ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", name, { label = "${key}: writes" }]],
      ) },
    ],
    # In the last row, the table of the last errors fills the other two columns.
    [
      { title = "Errors logged, per minute", stat = "Sum", metrics = [
        [local.logged.errors.namespace, local.logged.errors.name, { label = "errors" }],
      ] },
    ],
  ] : row if length(row) > 0]

  error_query = ["fields @timestamp, component, event, error, @message", "filter level = 'error'", "sort @timestamp desc", "limit 50"]

  queries = {
    last-errors = local.error_query

    follow-one-point = [
      "fields @timestamp, component, step, @message",
      "filter @message like 'TRUCK:RECORDED_AT_MS:SEQ'",
      "sort @timestamp asc",
      "limit 1000",
    ]

    # For trucks that are not traced. Finds requests with problems, and a sample of the others. RECORDED_AT_MS is
    # the second part of the point's id.
    request-of-a-point = [
      "fields @timestamp, status, accepted, rejected, reasons, recorded_from_ms, recorded_to_ms, request_id",
      "filter event = 'telemetry' and truck_id = 'TRUCK' and recorded_from_ms <= RECORDED_AT_MS and recorded_to_ms >= RECORDED_AT_MS",
      "sort @timestamp desc",
      "limit 200",
    ]
  }

  columns   = 3
  width     = 8
  height    = 6
  first_row = 4

  graphs = flatten([
    for row, graphs in local.rows : [
      for column, graph in graphs : {
        type   = "metric"
        x      = column * local.width
        y      = local.first_row + row * local.height
        width  = local.width
        height = local.height
        properties = {
          title   = graph.title
          region  = var.account.region
          stat    = graph.stat
          period  = 60
          view    = "timeSeries"
          stacked = false
          yAxis   = { left = { min = 0 } }
          metrics = graph.metrics
        }
      }
    ]
  ])
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = local.columns * local.width
        height     = local.first_row
        properties = { title = "Alarms", alarms = values(aws_cloudwatch_metric_alarm.this)[*].arn, sortBy = "stateUpdatedTimestamp" }
      }],
      local.graphs,
      [{
        type   = "log"
        x      = local.width
        y      = local.first_row + (length(local.rows) - 1) * local.height
        width  = (local.columns - 1) * local.width
        height = local.height
        properties = {
          title  = "The last errors"
          region = var.account.region
          view   = "table"
          query = join(" | ", concat(
            [for name in values(local.watched_log_groups) : "SOURCE '${name}'"],
            local.error_query,
          ))
        }
      }],
    )
  })
}

# Saved queries of the logs for incidents, in CloudWatch under Logs Insights.
resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${var.name}/${each.key}"
  log_group_names = values(local.watched_log_groups)
  query_string    = join("\n| ", each.value)
}
