# What AWS would return for the resources of an environment that must differ from each other.

override_resource {
  target = module.system.module.socket_api.aws_apigatewayv2_api.this
  values = {
    id            = "socket0000"
    api_endpoint  = "wss://socket0000.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:socket0000"
  }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["deliveries"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-deliveries" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["delivery_events"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-delivery-events" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["truck_matches"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-truck-matches" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["subscriptions"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-subscriptions" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["socket_tickets"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-socket-tickets" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["socket_limits"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-socket-limits" }
}

override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["blocked_identities"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-blocked-identities" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["device_credentials"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-device-credentials" }
}
override_resource {
  target = module.system.module.tables.aws_dynamodb_table.this["delivery_shares"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-delivery-shares" }
}

override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["leases"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer" }
}
override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["coordinator_state"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer-CoordinatorState" }
}
override_resource {
  target = module.system.module.kcl_tables.aws_dynamodb_table.this["worker_metrics"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/rtdts-consumer-WorkerMetricStats" }
}
override_resource {
  target = module.system.aws_kinesis_stream.telemetry
  values = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/rtdts-telemetry" }
}
override_resource {
  target = module.system.module.queues.aws_sqs_queue.this["nudges"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-nudges.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-nudges.fifo"
  }
}
override_resource {
  target = module.system.module.queues.aws_sqs_queue.dead_letter["nudges"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-nudges-dead.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-nudges-dead.fifo"
  }
}

override_resource {
  target = module.system.module.queues.aws_sqs_queue.this["snapshots"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-snapshots.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-snapshots.fifo"
  }
}
override_resource {
  target = module.system.module.queues.aws_sqs_queue.dead_letter["snapshots"]
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:rtdts-snapshots-dead.fifo"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-snapshots-dead.fifo"
  }
}

override_resource {
  target = module.system.module.queues.aws_sqs_queue.this["rounds"]
  values = {
    arn            = "arn:aws:sqs:eu-central-1:123456789012:rtdts-rounds.fifo"
    url            = "https://sqs.eu-central-1.amazonaws.com/123456789012/rtdts-rounds.fifo"
    redrive_policy = "" # What AWS returns for a queue without one.
  }
}
override_resource {
  target = module.system.module.parked.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-parked-123456789012" }
}
override_resource {
  target = module.system.module.raw_backup.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-raw-backup-123456789012" }
}
