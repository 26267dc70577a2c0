# The alarms: what each means, of which metrics, from when on, and where that number comes from.
# at_least, above, below or at_most says from when on; times, in how many periods of how many. A period is
# a minute, unless period_s says otherwise.

locals {
  # Nights and holidays have no points either: silence is a fault only while trucks are on the road
  # for certain. HOUR and DAY have a value for each minute, whether a point came in it or not.
  driving_hours = {
    for silence in var.alarms.silence[*] : "hours" => join(
      silence.from_hour < silence.to_hour ? " AND " : " OR ",
      ["HOUR(ingest_lambda) >= ${silence.from_hour}", "HOUR(ingest_lambda) < ${silence.to_hour}"],
    )
  }
  driving_days = {
    for silence in var.alarms.silence[*] : "days" => join(" OR ", [for day in range(1, 8) : "DAY(ingest_lambda) == ${day}" if contains(silence.days, day)])
  }

  # The ingest endpoints that this environment has, and what any of them accepted.
  endpoints = concat(["ingest_lambda"], [
    for endpoint, is_there in { iot_lambda = var.iot_ingest != null, mqtt_bridge = var.mqtt_bridge != null } : endpoint if is_there
  ])
  accepted = { for endpoint in local.endpoints : endpoint => { of = local.own["${endpoint}.PointsAccepted"], stat = "Sum" } }
  come_in  = join(" + ", [for endpoint in local.endpoints : "FILL(${endpoint}, 0)"])

  # Its handler raises for each bad ticket, since only so the gateway responds with 401, and
  # Lambda counts that as an error of the function.
  raises_by_design = "socket-authorizer"

  alarms = merge(
    local.alarms_of_the_way_in,
    local.alarms_of_iot_core,
    local.alarms_of_the_bridge,
    local.alarms_of_the_consumer,
    local.alarms_of_the_stores,
    local.alarms_of_the_viewers,
  )

  alarms_of_the_way_in = merge(
    {
      for silence in var.alarms.silence[*] : "no-points" => {
        meaning    = "No truck's point was accepted for ${silence.minutes} minutes, at a time when trucks are on the road."
        metrics    = local.accepted
        expression = "IF((${local.driving_hours["hours"]}) AND (${local.driving_days["days"]}) AND ${local.come_in} < 1, 1, 0)"
        at_least   = 1
        times      = [silence.minutes, silence.minutes]
      }
    },
    {
      points-not-taken = {
        meaning  = "The stream did not accept points in time; the trucks must send them again."
        metrics  = { not_taken = { of = local.own["ingest_lambda.PointsFailed"], stat = "Sum" } }
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
        meaning  = "The Lambda ${name} ended by itself or ran out of time; errors that it returned are elsewhere."
        metrics  = { errors = { of = { namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = name } }, stat = "Sum" } }
        at_least = 1
        times    = [2, 5]
      } if key != local.raises_by_design
    },
    {
      authorizer-errors = {
        meaning = "The sockets' authorizer fails by its own fault, or Lambda ended it: viewers can't connect."
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
        meaning  = "The Lambda ${name} was not run for want of concurrency."
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
      meaning = "Messages of trucks over IoT Core have waited for more than ${var.alarms.iterator_age_s} s to be read."
      metrics = { age = { of = { namespace = "AWS/Kinesis", name = "GetRecords.IteratorAgeMilliseconds", dimensions = { StreamName = local.device_messages.stream_name } }, stat = "Maximum" } }
      above   = var.alarms.iterator_age_s * 1000
      times   = [3, 3]
    }

    device-messages-failed = {
      meaning  = "IoT Core's rule could not write messages of trucks; they lie in ${local.device_messages.queue_name} for 14 days."
      metrics  = { letters = { of = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = local.device_messages.queue_name } }, stat = "Maximum" } }
      at_least = 1
      times    = [1, 1]
    }

    device-messages-given-up = {
      meaning = "Messages of trucks over IoT Core could not be taken in half of their stream's retention; they lie in the bucket of parked records."
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
      meaning  = "A truck sent more over IoT Core than its quota; these messages are set aside, and expire."
      metrics  = { set_aside = { of = local.own["iot_lambda.MessagesOverQuota"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }

    # Such a message is in no queue: the quota is to be raised before it is reached.
    device-messages-throttled = {
      meaning  = "IoT Core's rules engine throttled messages of trucks."
      metrics  = { throttled = { of = { namespace = "AWS/IoT", name = "RuleMessageThrottled", dimensions = { RuleName = iot.rule_name } }, stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }
  }]...)

  alarms_of_the_bridge = { for key, alarm in {
    mqtt-held = {
      meaning = "A bridge has held a message for more than a minute: points do not get through to the stream."
      metrics = { oldest_s = { of = local.own["mqtt_bridge.OldestHeld"], stat = "Maximum" } }
      above   = 60
      times   = [5, 5]
    }

    # One bridge that a hanging broker leaves without a response tries five times per minute.
    mqtt-disconnected = {
      meaning = "Bridges lose their connection to the broker again and again."
      metrics = { lost = { of = local.own["mqtt_bridge.ConnectionsLost"], stat = "Sum" } }
      above   = 3
      times   = [5, 5]
    }

    over-quota-mqtt = {
      runbook  = "over-quota"
      meaning  = "A truck sent more over MQTT than its quota; these points are set aside, and expire."
      metrics  = { set_aside = { of = local.own["mqtt_bridge.PointsSetAside"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }

    # Each bridge measures once a minute, whatever comes. Filled up, as for no-round.
    mqtt-silent = {
      meaning    = "No bridge has measured anything for five minutes: none runs."
      metrics    = { bridges = { of = local.own["mqtt_bridge.MessagesHeld"], stat = "SampleCount" } }
      expression = "FILL(bridges, 0)"
      below      = 1
      times      = [5, 5]
      missing    = "breaching"
    }
  } : key => alarm if contains(local.endpoints, "mqtt_bridge") }

  alarms_of_the_consumer = {
    iterator-age = {
      meaning = "Points wait in the stream for more than ${var.alarms.iterator_age_s} s."
      # Of all pollers, and of the consumer: with fan-out it is not among those.
      metrics = {
        iterator = { of = { namespace = "AWS/Kinesis", name = "GetRecords.IteratorAgeMilliseconds", dimensions = { StreamName = aws_kinesis_stream.telemetry.name } }, stat = "Maximum" }
        points   = { of = local.own["consumer.PointAge"], stat = "Maximum" }
      }
      expression = "MAX([FILL(iterator, 0), FILL(points, 0)])"
      above      = var.alarms.iterator_age_s * 1000
      times      = [3, 3]
    }

    # The iterator's age is of the readers: without the consumer it is Firehose's alone. Five
    # minutes, because a batch may wait for a store for four (RETRY_BUDGET_S), and a lost task's
    # shards go on within 180 s.
    consumer-silent = {
      meaning    = "Points are accepted, and the consumer has finished no batch for 5 minutes."
      metrics    = merge(local.accepted, { batches = { of = local.own["consumer.BatchDuration"], stat = "SampleCount" } })
      expression = "IF(${local.come_in} > 0 AND FILL(batches, 0) < 1, 1, 0)"
      at_least   = 1
      times      = [5, 5]
    }

    parked-records = {
      meaning  = "Records were parked: no repetition makes them good."
      metrics  = { parked = { of = local.own["consumer.Parked"], stat = "Sum" } }
      at_least = 1
      times    = [1, 1]
    }
  }

  alarms_of_the_stores = merge(
    {
      # A single node has nowhere to put a replica: it is yellow for ever.
      for nodes in var.search.instance_count > 1 ? [var.search.instance_count] : [] : "search-yellow" => {
        meaning  = "OpenSearch has lacked a replica for 5 minutes."
        metrics  = { yellow = { of = { namespace = "AWS/ES", name = "ClusterStatus.yellow", dimensions = local.search_dimensions }, stat = "Maximum" } }
        at_least = 1
        times    = [5, 5]
      }
    },
    {
      # Thresholds of OpenSearch's are those of its Developer Guide, "Recommended CloudWatch alarms".
      search-red = {
        meaning  = "An index of OpenSearch lacks a primary shard."
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
        meaning  = "A node of OpenSearch is short of memory."
        metrics  = { heap = { of = { namespace = "AWS/ES", name = "JVMMemoryPressure", dimensions = local.search_dimensions }, stat = "Maximum" } }
        at_least = 95
        times    = [3, 3]
      }

      search-writes-blocked = {
        meaning  = "OpenSearch refuses to write."
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

      # Firehose's own guide: what is older than the longest that it may collect, 15 minutes, is stuck.
      raw-log-late = {
        meaning = "Firehose has held points for more than 15 minutes, for the raw log or for its backup."
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
      # DynamoDB measures throttling only when there is some, and its alarms keep their state while
      # nothing comes, whatever their setting: so it is filled up.
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

  alarms_of_the_viewers = merge(
    {
      # A round is measured when it has run: with one per minute, two minutes without one are a
      # round too few, however long each takes. A third, because a minute's data may come late.
      # Filled up: for missing data as such CloudWatch waits some minutes more.
      no-round = {
        meaning    = "No round ran for three minutes: no viewer receives positions."
        metrics    = { held = { of = local.own["broadcaster.RoundDuration"], stat = "SampleCount" } }
        expression = "FILL(held, 0)"
        below      = 1
        times      = [3, 3]
        missing    = "breaching"
      }

      round-late = {
        meaning = "Rounds take more than three quarters of the ${local.round_interval_s} s between them, or of what a spread round leaves of these."
        metrics = { duration = { of = local.own["broadcaster.RoundDuration"], stat = "Maximum" } }
        above   = floor(local.round_interval_s * 1000 * (1 - (1 - local.round_spread) * 0.25))
        times   = [3, 5]
      }

      rounds-skipped = {
        meaning  = "A round was left out because the one before it took too long."
        metrics  = { skipped = { of = local.own["broadcaster.RoundsSkipped"], stat = "Sum" } }
        at_least = 1
        times    = [1, 1]
      }

      # A change of status is due within 2 s. The age is that of the worst nudge of a round's minute.
      nudges-late = {
        meaning = "Changes are pushed later than 2 s after they were written."
        metrics = { age = { of = local.own["broadcaster.NudgeAge"], stat = "Maximum" } }
        above   = 2000
        times   = [5, 10]
      }

      # A snapshot is read from more stores than a change: twice its time.
      snapshots-late = {
        meaning = "Snapshots are sent later than 4 s after viewers requested them."
        metrics = { age = { of = local.own["broadcaster.SnapshotAge"], stat = "Maximum" } }
        above   = 4000
        times   = [5, 10]
      }

      # With no broadcaster there is no age but the queue's. The limit is that of a nudge that fails each
      # time until the queue gives it up: the alarm for dead letters then fires, and that nudge delays
      # its own delivery only.
      nudges-old = {
        meaning = "Changes wait in the queue for more than ${local.nudges_given_up_s} s instead of being pushed at once."
        metrics = { age = { of = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = local.queue_names["nudges"] } }, stat = "Maximum" } }
        above   = local.nudges_given_up_s
        times   = [3, 5]
      }

      viewers-not-reached = {
        meaning = "A round did not reach more than ${var.alarms.viewers_not_reached_percent} % of the viewers, for causes within the system."
        metrics = {
          failed = { of = local.own["broadcaster.RoundViewersFailed"], stat = "Sum" }
          unread = { of = local.own["broadcaster.RoundViewersUnread"], stat = "Sum" }
          due    = { of = local.own["broadcaster.RoundViewersDue"], stat = "Sum" }
        }
        expression = "IF(due > 0, 100 * (failed + unread) / due, 0)"
        above      = var.alarms.viewers_not_reached_percent
        times      = [2, 3]
      }

      # Of twenty viewers on: with fewer, one phone is a rate.
      viewers-throttled = {
        meaning = "Rounds do not reach more than 5 % of the viewers because their connections return 429 or hang."
        metrics = {
          throttled = { of = local.own["broadcaster.RoundViewersThrottled"], stat = "Sum" }
          hanging   = { of = local.own["broadcaster.RoundViewersHanging"], stat = "Sum" }
          due       = { of = local.own["broadcaster.RoundViewersDue"], stat = "Sum" }
        }
        expression = "IF(due >= 20, 100 * (throttled + hanging) / due, 0)"
        above      = 5
        times      = [3, 5]
      }

      # A refusal now and then is how the broadcaster learns the rate. As many as this are a quota in use.
      posts-over-quota = {
        meaning = "The account refuses more than 100 posts per minute: rounds are as slow as API Gateway's quota."
        metrics = { refused = { of = local.own["broadcaster.PostsOverQuota"], stat = "Sum" } }
        above   = 100
        times   = [3, 5]
      }

      # Each is found gone once. A socket that its client closes is removed by $disconnect, before a round reads it.
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

      # One now and then is a table's hiccup, which the viewer's next try gets over.
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
