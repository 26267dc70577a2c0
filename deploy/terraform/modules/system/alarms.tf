# The alarms: meaning, metrics, threshold, and the reason for the threshold.
# at_least, above, below or at_most is the threshold; times is [datapoints to alarm, evaluation periods].
# A period is a minute, unless period_s is set.

locals {
  # No points arrive at night and on holidays, so no-points fires only at times when trucks certainly drive.
  # HOUR and DAY have a value for each minute, also without points.
  driving_hours = {
    for silence in var.alarms.silence[*] : "hours" => join(
      silence.from_hour < silence.to_hour ? " AND " : " OR ",
      ["HOUR(ingest_lambda) >= ${silence.from_hour}", "HOUR(ingest_lambda) < ${silence.to_hour}"],
    )
  }
  driving_days = {
    for silence in var.alarms.silence[*] : "days" => join(" OR ", [for day in range(1, 8) : "DAY(ingest_lambda) == ${day}" if contains(silence.days, day)])
  }

  # The ingest endpoints of this environment, and the points that any of them accepted.
  endpoints = concat(["ingest_lambda"], [
    for endpoint, is_enabled in { iot_lambda = var.iot_ingest != null, mqtt_bridge = var.mqtt_bridge != null } : endpoint if is_enabled
  ])
  accepted        = { for endpoint in local.endpoints : endpoint => { of = local.own["${endpoint}.PointsAccepted"], stat = "Sum" } }
  accepted_points = join(" + ", [for endpoint in local.endpoints : "FILL(${endpoint}, 0)"])

  # Its handler raises for each bad ticket, because only then does the gateway respond with 401.
  # Lambda counts that as an error of the function.
  raises_by_design = "socket-authorizer"

  alarms = merge(
    local.alarms_of_ingest,
    local.alarms_of_iot_core,
    local.alarms_of_mqtt,
    local.alarms_of_consumer,
    local.alarms_of_stores,
    local.alarms_of_viewers,
  )

  alarms_of_ingest = merge(
    {
      for silence in var.alarms.silence[*] : "no-points" => {
        meaning    = "No point was accepted for ${silence.minutes} minutes, at a time when trucks drive."
        metrics    = local.accepted
        expression = "IF((${local.driving_hours["hours"]}) AND (${local.driving_days["days"]}) AND ${local.accepted_points} < 1, 1, 0)"
        at_least   = 1
        times      = [silence.minutes, silence.minutes]
      }
    },
    {
      points-failed = {
        meaning  = "Kinesis did not accept points in time. The trucks must send them again."
        metrics  = { failed = { of = local.own["ingest_lambda.PointsFailed"], stat = "Sum" } }
        at_least = 1
        times    = [3, 5]
      }

      http-errors = {
        meaning = "More than ${var.alarms.http_errors_percent} % of HTTP requests got 5xx."
        metrics = {
          errors   = { of = { namespace = "AWS/ApiGateway", name = "5xx", dimensions = { ApiId = module.http_api.id } }, stat = "Sum" }
          requests = { of = { namespace = "AWS/ApiGateway", name = "Count", dimensions = { ApiId = module.http_api.id } }, stat = "Sum" }
        }
        expression = "IF(requests > 0, 100 * errors / requests, 0)"
        above      = var.alarms.http_errors_percent
        times      = [3, 5]
      }
    },
    {
      for key, name in local.watched_names : "lambda-errors-${key}" => {
        runbook  = "lambda-errors"
        meaning  = "The Lambda ${name} ended unexpectedly or ran out of time."
        metrics  = { errors = { of = { namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = name } }, stat = "Sum" } }
        at_least = 1
        times    = [2, 5]
      } if key != local.raises_by_design
    },
    {
      authorizer-errors = {
        meaning = "The sockets' authorizer fails: viewers can't connect."
        metrics = {
          failures = { of = local.own["socket_lambda.AuthorizerFailures"], stat = "Sum" }
          ended    = { of = local.logged.authorizer_ended, stat = "Sum" }
        }
        expression = "FILL(failures, 0) + FILL(ended, 0)"
        at_least   = 1
        times      = [2, 5]
      }
    },
    {
      for key, name in local.watched_names : "lambda-throttles-${key}" => {
        runbook  = "lambda-throttles"
        meaning  = "The Lambda ${name} was throttled: the limit of concurrent executions is reached."
        metrics  = { throttles = { of = { namespace = "AWS/Lambda", name = "Throttles", dimensions = { FunctionName = name } }, stat = "Sum" } }
        at_least = 1
        times    = [2, 5]
      }
    },
    {
      errors-logged = {
        meaning  = "A part of the system logged an error."
        metrics  = { errors = { of = local.logged.errors, stat = "Sum" } }
        period_s = 300
        at_least = 1
        times    = [1, 1]
      }
    },
  )

  alarms_of_iot_core = merge([for iot in module.iot_ingest : {
    device-messages-late = {
      meaning = "Messages of trucks over IoT Core have waited for more than ${var.alarms.iterator_age_s} s."
      metrics = { age = { of = { namespace = "AWS/Kinesis", name = "GetRecords.IteratorAgeMilliseconds", dimensions = { StreamName = local.device_messages.stream_name } }, stat = "Maximum" } }
      above   = var.alarms.iterator_age_s * 1000
      times   = [3, 3]
    }

    device-messages-failed = {
      meaning  = "IoT Core's rule could not write messages of trucks. They stay in the queue ${local.device_messages.queue_name} for 14 days."
      metrics  = { letters = { of = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = local.device_messages.queue_name } }, stat = "Maximum" } }
      at_least = 1
      times    = [1, 1]
    }

    device-messages-given-up = {
      meaning = "Messages of trucks over IoT Core could not be processed within half of their stream's retention. They are in the bucket of parked records."
      metrics = {
        set_aside = { of = { namespace = "AWS/Lambda", name = "OnFailureDestinationDeliveredEventCount", dimensions = { EventSourceMappingUUID = iot.event_source_uuid } }, stat = "Sum" }
        dropped   = { of = { namespace = "AWS/Lambda", name = "DroppedEventCount", dimensions = { EventSourceMappingUUID = iot.event_source_uuid } }, stat = "Sum" }
      }
      expression = "FILL(set_aside, 0) + FILL(dropped, 0)"
      at_least   = 1
      times      = [1, 1]
    }

    over-quota-iot-core = {
      runbook  = "over-quota"
      meaning  = "A truck sent more over IoT Core than its quota. These messages are set aside and expire unless they are replayed."
      metrics  = { set_aside = { of = local.own["iot_lambda.MessagesOverQuota"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }

    # A throttled message is lost: raise the quota before it is reached.
    device-messages-throttled = {
      meaning  = "IoT Core's rules engine throttled messages of trucks. They are lost."
      metrics  = { throttled = { of = { namespace = "AWS/IoT", name = "RuleMessageThrottled", dimensions = { RuleName = iot.rule_name } }, stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }
  }]...)

  alarms_of_mqtt = { for key, alarm in {
    mqtt-delayed = {
      meaning = "An MQTT bridge has had messages for more than a minute: their points do not reach the stream."
      metrics = { oldest_s = { of = local.own["mqtt_bridge.OldestInFlight"], stat = "Maximum" } }
      above   = 60
      times   = [5, 5]
    }

    # If the broker does not respond, a single bridge tries five times per minute.
    mqtt-disconnected = {
      meaning = "MQTT bridges lose their connection to the broker repeatedly."
      metrics = { lost = { of = local.own["mqtt_bridge.ConnectionsLost"], stat = "Sum" } }
      above   = 3
      times   = [5, 5]
    }

    over-quota-mqtt = {
      runbook  = "over-quota"
      meaning  = "A truck sent more over MQTT than its quota. These points are set aside and expire unless they are replayed."
      metrics  = { set_aside = { of = local.own["mqtt_bridge.PointsSetAside"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }

    # Each bridge emits metrics once per minute, also without messages. FILL as in no-round.
    mqtt-silent = {
      meaning    = "No MQTT bridge has emitted metrics for five minutes: none is running."
      metrics    = { bridges = { of = local.own["mqtt_bridge.MessagesInFlight"], stat = "SampleCount" } }
      expression = "FILL(bridges, 0)"
      below      = 1
      times      = [5, 5]
      missing    = "breaching"
    }
  } : key => alarm if contains(local.endpoints, "mqtt_bridge") }

  alarms_of_consumer = {
    iterator-age = {
      meaning = "Points wait in the stream for more than ${var.alarms.iterator_age_s} s."
      # GetRecords' age covers only readers that poll. PointAge covers the consumer with enhanced fan-out, too.
      metrics = {
        iterator = { of = { namespace = "AWS/Kinesis", name = "GetRecords.IteratorAgeMilliseconds", dimensions = { StreamName = aws_kinesis_stream.telemetry.name } }, stat = "Maximum" }
        points   = { of = local.own["consumer.PointAge"], stat = "Maximum" }
      }
      expression = "MAX([FILL(iterator, 0), FILL(points, 0)])"
      above      = var.alarms.iterator_age_s * 1000
      times      = [3, 3]
    }

    # The iterator age does not show this: without the consumer, it is Firehose's. Five minutes, because a
    # batch may wait for a store for four (RETRY_BUDGET_S), and because another task continues a lost task's
    # shards within 180 s.
    consumer-silent = {
      meaning    = "Points are accepted, but the consumer has finished no batch for 5 minutes."
      metrics    = merge(local.accepted, { batches = { of = local.own["consumer.BatchDuration"], stat = "SampleCount" } })
      expression = "IF(${local.accepted_points} > 0 AND FILL(batches, 0) < 1, 1, 0)"
      at_least   = 1
      times      = [5, 5]
    }

    parked-records = {
      meaning  = "Records were parked, because they would fail on every retry."
      metrics  = { parked = { of = local.own["consumer.Parked"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }
  }

  alarms_of_stores = merge(
    {
      # A single node has no place for replicas: it is always yellow.
      for nodes in var.search.instance_count > 1 ? [var.search.instance_count] : [] : "search-yellow" => {
        meaning  = "OpenSearch has had too few replicas for 5 minutes."
        metrics  = { yellow = { of = { namespace = "AWS/ES", name = "ClusterStatus.yellow", dimensions = local.search_dimensions }, stat = "Maximum" } }
        at_least = 1
        times    = [5, 5]
      }
    },
    {
      # OpenSearch's thresholds are from its Developer Guide, "Recommended CloudWatch alarms".
      search-red = {
        meaning  = "An index of OpenSearch has no primary shard."
        metrics  = { red = { of = { namespace = "AWS/ES", name = "ClusterStatus.red", dimensions = local.search_dimensions }, stat = "Maximum" } }
        at_least = 1
        times    = [1, 1]
      }

      search-disk = {
        meaning = "A node of OpenSearch has less than a quarter of its disk left."
        metrics = { free = { of = { namespace = "AWS/ES", name = "FreeStorageSpace", dimensions = local.search_dimensions }, stat = "Minimum" } }
        # In MB.
        at_most = var.search.volume_gb * 1024 / 4
        times   = [1, 1]
      }

      search-memory = {
        meaning  = "A node of OpenSearch has almost no memory left."
        metrics  = { heap = { of = { namespace = "AWS/ES", name = "JVMMemoryPressure", dimensions = local.search_dimensions }, stat = "Maximum" } }
        at_least = 95
        times    = [3, 3]
      }

      search-writes-blocked = {
        meaning  = "OpenSearch rejects writes."
        metrics  = { blocked = { of = { namespace = "AWS/ES", name = "ClusterIndexWritesBlocked", dimensions = local.search_dimensions }, stat = "Maximum" } }
        period_s = 300
        at_least = 1
        times    = [1, 1]
      }

      raw-log-failing = {
        meaning  = "Firehose could not index every point."
        metrics  = { indexed = { of = { namespace = "AWS/Firehose", name = "DeliveryToAmazonOpenSearchService.Success", dimensions = { DeliveryStreamName = local.raw_log_name } }, stat = "Average" } }
        period_s = 300
        below    = 1
        times    = [2, 3]
      }

      # By Firehose's guide, data older than the longest buffer interval, 15 minutes, is stuck.
      raw-log-late = {
        meaning = "Firehose has buffered points for more than 15 minutes, for the raw log or its backup."
        metrics = {
          raw    = { of = { namespace = "AWS/Firehose", name = "DeliveryToAmazonOpenSearchService.DataFreshness", dimensions = { DeliveryStreamName = local.raw_log_name } }, stat = "Maximum" }
          backup = { of = { namespace = "AWS/Firehose", name = "DeliveryToS3.DataFreshness", dimensions = { DeliveryStreamName = local.raw_log_name } }, stat = "Maximum" }
        }
        expression = "MAX([FILL(raw, 0), FILL(backup, 0)])"
        period_s   = 300
        above      = 900
        times      = [1, 1]
      }
    },
    {
      # DynamoDB emits this metric only while it throttles, and alarms on its metrics keep their state
      # while data is missing, whatever treat_missing_data is. So FILL adds zeros.
      for key, name in local.table_names : "table-throttled-${replace(key, "_", "-")}" => {
        runbook = "table-throttled"
        meaning = "DynamoDB throttles requests to ${name}."
        metrics = {
          reads  = { of = { namespace = "AWS/DynamoDB", name = "ReadThrottleEvents", dimensions = { TableName = name } }, stat = "Sum" }
          writes = { of = { namespace = "AWS/DynamoDB", name = "WriteThrottleEvents", dimensions = { TableName = name } }, stat = "Sum" }
        }
        expression = "FILL(reads, 0) + FILL(writes, 0)"
        at_least   = 1
        times      = [3, 5]
      }
    },
  )

  alarms_of_viewers = merge(
    {
      # A round is counted when it has run. With one per minute, two minutes without one mean that a
      # round is missing, however long each takes. A third minute, because a minute's data may come
      # late. FILL, because for missing data CloudWatch waits some minutes longer.
      no-round = {
        meaning    = "No round ran for three minutes: no viewer receives positions."
        metrics    = { rounds = { of = local.own["broadcaster.RoundDuration"], stat = "SampleCount" } }
        expression = "FILL(rounds, 0)"
        below      = 1
        times      = [3, 3]
        missing    = "breaching"
      }

      round-late = {
        meaning = "Rounds take more than three quarters of the ${local.round_interval_s} s between them (if rounds are spread, of the part that this leaves)."
        metrics = { duration = { of = local.own["broadcaster.RoundDuration"], stat = "Maximum" } }
        above   = floor(local.round_interval_s * 1000 * (1 - (1 - local.round_spread) * 0.25))
        times   = [3, 5]
      }

      rounds-skipped = {
        meaning  = "A round was skipped because the one before it took too long."
        metrics  = { skipped = { of = local.own["broadcaster.RoundsSkipped"], stat = "Sum" } }
        at_least = 1
        times    = [1, 1]
      }

      # A change of status is due within 2 s. The age is the maximum over the nudges of a minute.
      nudges-late = {
        meaning = "Changes reach viewers later than 2 s after they were written."
        metrics = { age = { of = local.own["broadcaster.NudgeAge"], stat = "Maximum" } }
        above   = 2000
        times   = [5, 10]
      }

      # A snapshot is read from more stores than a change, so it gets twice the time.
      snapshots-late = {
        meaning = "Snapshots reach viewers later than 4 s after they were requested."
        metrics = { age = { of = local.own["broadcaster.SnapshotAge"], stat = "Maximum" } }
        above   = 4000
        times   = [5, 10]
      }

      # Without a broadcaster, only the queue measures an age. The limit is the age at which a nudge that
      # always fails becomes a dead letter: then dead-letters fires, and the nudge has delayed only its
      # own delivery.
      nudges-old = {
        meaning = "Changes wait in the queue for more than ${local.nudges_given_up_s} s instead of being pushed at once."
        metrics = { age = { of = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = local.queue_names["nudges"] } }, stat = "Maximum" } }
        above   = local.nudges_given_up_s
        times   = [3, 5]
      }

      viewers-not-reached = {
        meaning = "A round failed to reach more than ${var.alarms.viewers_not_reached_percent} % of the viewers, for causes within the system."
        metrics = {
          failed = { of = local.own["broadcaster.RoundViewersFailed"], stat = "Sum" }
          unread = { of = local.own["broadcaster.RoundViewersUnread"], stat = "Sum" }
          due    = { of = local.own["broadcaster.RoundViewersDue"], stat = "Sum" }
        }
        expression = "IF(due > 0, 100 * (failed + unread) / due, 0)"
        above      = var.alarms.viewers_not_reached_percent
        times      = [2, 3]
      }

      # Only with twenty viewers or more: with fewer, a single phone is more than 5 %.
      viewers-throttled = {
        meaning = "Rounds fail to reach more than 5 % of the viewers, because their connections return 429 or hang."
        metrics = {
          throttled = { of = local.own["broadcaster.RoundViewersThrottled"], stat = "Sum" }
          hanging   = { of = local.own["broadcaster.RoundViewersHanging"], stat = "Sum" }
          due       = { of = local.own["broadcaster.RoundViewersDue"], stat = "Sum" }
        }
        expression = "IF(due >= 20, 100 * (throttled + hanging) / due, 0)"
        above      = 5
        times      = [3, 5]
      }

      # The broadcaster learns the rate from single rejected posts. This many mean that the quota is used up.
      posts-over-quota = {
        meaning = "API Gateway rejects more than 100 posts per minute for the account: its quota slows down rounds."
        metrics = { refused = { of = local.own["broadcaster.PostsOverQuota"], stat = "Sum" } }
        above   = 100
        times   = [3, 5]
      }

      # Each connection counts once. If a client closes its socket, $disconnect removes it before a round reads it.
      viewers-gone = {
        meaning = "For 5 minutes more than 10 % of the viewers' connections returned 410 in each round."
        metrics = {
          gone = { of = local.own["broadcaster.RoundViewersGone"], stat = "Sum" }
          due  = { of = local.own["broadcaster.RoundViewersDue"], stat = "Sum" }
        }
        expression = "IF(due >= 20, 100 * gone / due, 0)"
        above      = 10
        times      = [5, 5]
      }

      # A single error is usually a temporary fault of a table, and the viewer's next attempt succeeds.
      socket-errors = {
        meaning = "The WebSocket API's Lambda fails."
        metrics = {
          integration = { of = { namespace = "AWS/ApiGateway", name = "IntegrationError", dimensions = { ApiId = module.socket_api.id, Stage = module.socket_api.stage } }, stat = "Sum" }
          execution   = { of = { namespace = "AWS/ApiGateway", name = "ExecutionError", dimensions = { ApiId = module.socket_api.id, Stage = module.socket_api.stage } }, stat = "Sum" }
        }
        expression = "FILL(integration, 0) + FILL(execution, 0)"
        at_least   = 5
        times      = [3, 5]
      }
    },
    {
      for key, name in local.dead_letter_names : "dead-letters-${replace(key, "_", "-")}" => {
        runbook  = "dead-letters"
        meaning  = "Messages that could not be processed are in ${name}."
        metrics  = { letters = { of = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = name } }, stat = "Maximum" } }
        at_least = 1
        times    = [1, 1]
      }
    },
  )
}
