# The permissions of each part. Each action is called by the part's code, or is listed with its reason in
# tests/infrastructure/test_policies.py.

locals {
  arns = {
    table           = local.table_arns
    stream          = "${local.arn.kinesis}:stream/${aws_kinesis_stream.telemetry.name}"
    nudges          = "${local.arn.sqs}:${aws_sqs_queue.this["nudges"].name}"
    dead_nudges     = "${local.arn.sqs}:${aws_sqs_queue.dead_letter["nudges"].name}"
    snapshots       = "${local.arn.sqs}:${aws_sqs_queue.this["snapshots"].name}"
    dead_snapshots  = "${local.arn.sqs}:${aws_sqs_queue.dead_letter["snapshots"].name}"
    rounds          = "${local.arn.sqs}:${aws_sqs_queue.this["rounds"].name}"
    connections     = module.socket_api.connections_arns
    domain_paths    = "${local.domain_arn}/*"
    device_messages = "${local.arn.kinesis}:stream/${local.device_messages.stream_name}"
    failed_messages = "${local.arn.sqs}:${local.device_messages.queue_name}"
  }

  statements = {
    ingest = [
      { sid = "PutPoints", actions = ["kinesis:PutRecords"], resources = [local.arns.stream] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
      { sid = "Devices", actions = ["dynamodb:GetItem"], resources = [local.arns.table["device_credentials"]] },
    ]

    iot = [
      { sid = "PutPoints", actions = ["kinesis:PutRecords"], resources = [local.arns.stream] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
      # Unusable messages, and below Lambda's own prefix records that could not be processed in time.
      { sid = "Park", actions = ["s3:PutObject"], resources = ["${module.parked.arn}/rejected/*", "${module.parked.arn}/aws/lambda/*"] },
      { sid = "Bucket", actions = ["s3:ListBucket"], resources = [module.parked.arn] },
      {
        sid       = "ReadMessages"
        actions   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        resources = [local.arns.device_messages]
      },
      {
        sid                = "FindStream"
        actions            = ["kinesis:ListStreams"]
        resources          = ["*"]
        why_every_resource = "Lambda requires it to read a stream as an event source; ListStreams has no resource-level permissions."
      },
    ]

    iot-enrollment = [
      { sid = "Enrollments", actions = ["dynamodb:UpdateItem"], resources = [local.arns.table["device_credentials"]] },
    ]

    mqtt_bridge = [
      { sid = "PutPoints", actions = ["kinesis:PutRecords"], resources = [local.arns.stream] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
      { sid = "Park", actions = ["s3:PutObject"], resources = ["${module.parked.arn}/rejected/*"] },
    ]

    delivery = [
      {
        sid       = "Deliveries"
        actions   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem"]
        resources = [local.arns.table["deliveries"]]
      },
      {
        sid     = "Lists"
        actions = ["dynamodb:Query"]
        resources = [
          "${local.arns.table["deliveries"]}/index/by-customer",
          "${local.arns.table["deliveries"]}/index/by-truck",
        ]
      },
      {
        sid       = "Log"
        actions   = ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        resources = [local.arns.table["delivery_events"]]
      },
      { sid = "Matches", actions = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], resources = [local.arns.table["truck_matches"]] },
      {
        sid = "Shares"
        actions = [
          "dynamodb:DeleteItem",
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:Query",
          "dynamodb:UpdateItem",
        ]
        resources = [local.arns.table["delivery_shares"]]
      },
      { sid = "Tickets", actions = ["dynamodb:PutItem"], resources = [local.arns.table["socket_tickets"]] },
      { sid = "Nudge", actions = ["sqs:SendMessage"], resources = [local.arns.nudges] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
    ]

    track = [
      { sid = "Positions", actions = ["es:ESHttpPost"], resources = [local.arns.domain_paths] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
    ]

    socket = [
      { sid = "Rights", actions = ["dynamodb:GetItem"], resources = [local.arns.table["deliveries"]] },
      {
        sid       = "Subscriptions"
        actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
        resources = [local.arns.table["subscriptions"]]
      },
      {
        sid       = "OfConnection"
        actions   = ["dynamodb:Query"]
        resources = ["${local.arns.table["subscriptions"]}/index/by-endpoint"]
      },
      { sid = "Snapshot", actions = ["sqs:SendMessage"], resources = [local.arns.snapshots] },
      {
        sid       = "Limits"
        actions   = ["dynamodb:UpdateItem"]
        resources = [local.arns.table["socket_limits"]]
      },
      { sid = "Post", actions = ["execute-api:ManageConnections"], resources = local.arns.connections },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
    ]

    socket-authorizer = [
      { sid = "SpendTickets", actions = ["dynamodb:DeleteItem"], resources = [local.arns.table["socket_tickets"]] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
    ]

    search-admin = [
      {
        sid       = "Domain"
        actions   = ["es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut"]
        resources = [local.arns.domain_paths]
      },
    ]

    raw_log = [
      {
        sid       = "ReadStream"
        actions   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        resources = [local.arns.stream]
      },
      {
        sid = "Index"
        actions = [
          "es:DescribeDomain",
          "es:DescribeDomainConfig",
          "es:DescribeDomains",
          "es:ESHttpGet",
          "es:ESHttpPost",
          "es:ESHttpPut",
        ]
        resources = [local.domain_arn, local.arns.domain_paths]
      },
      {
        sid = "Backup"
        actions = [
          "s3:AbortMultipartUpload",
          "s3:GetBucketLocation",
          "s3:GetObject",
          "s3:ListBucket",
          "s3:ListBucketMultipartUploads",
          "s3:PutObject",
        ]
        resources = [module.raw_backup.arn, "${module.raw_backup.arn}/*"]
      },
      {
        sid       = "ErrorLog"
        actions   = ["logs:PutLogEvents"]
        resources = ["${local.arn.logs}:log-group:/aws/kinesisfirehose/${local.raw_log_name}:*"]
      },
      {
        sid = "OwnNetworkInterfaces"
        actions = [
          "ec2:CreateNetworkInterface",
          "ec2:CreateNetworkInterfacePermission",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcAttribute",
          "ec2:DescribeVpcs",
        ]
        resources          = ["*"]
        why_every_resource = "Firehose creates its network interfaces with this role and reads their network before it delivers into a VPC; EC2's Describe actions have no resource-level permissions."
      },
    ]

    consumer = concat(
      [
        {
          sid = "ReadStream"
          actions = [
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
          ]
          resources = [local.arns.stream]
        },
        {
          sid = "Leases"
          actions = [
            "dynamodb:DeleteItem",
            "dynamodb:DescribeTable",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
          ]
          resources = [for key in keys(local.kcl_table_names) : local.arns.table[key]]
        },
        { sid = "LeasesOfWorker", actions = ["dynamodb:Query"], resources = ["${local.arns.table["leases"]}/index/LeaseOwnerToLeaseKeyIndex"] },
        {
          sid                = "OwnMetrics"
          actions            = ["cloudwatch:PutMetricData"]
          resources          = ["*"]
          condition          = { StringEquals = { "cloudwatch:namespace" = [local.consumer_application] } }
          why_every_resource = "PutMetricData has no resource-level permissions; the condition limits it to the KCL's own namespace."
        },
        { sid = "Deliveries", actions = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"], resources = [local.arns.table["deliveries"]] },
        { sid = "Log", actions = ["dynamodb:PutItem", "dynamodb:Query"], resources = [local.arns.table["delivery_events"]] },
        { sid = "Matches", actions = ["dynamodb:BatchGetItem"], resources = [local.arns.table["truck_matches"]] },
        { sid = "BlockGreedyTrucks", actions = ["dynamodb:PutItem"], resources = [local.arns.table["blocked_identities"]] },
        { sid = "Nudge", actions = ["sqs:SendMessage"], resources = [local.arns.nudges] },
        { sid = "Park", actions = ["s3:PutObject"], resources = ["${module.parked.arn}/rejected/*"] },
        { sid = "Positions", actions = ["es:ESHttpGet", "es:ESHttpPost"], resources = [local.arns.domain_paths] },
      ],
      [for statement in [
        { sid = "Register", actions = ["kinesis:RegisterStreamConsumer"], resources = [local.arns.stream] },
        { sid = "FanOut", actions = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"], resources = [local.arns.stream, "${local.arns.stream}/consumer/*"] },
      ] : statement if var.consumer.retrieval_mode == "FANOUT"],
    )

    broadcaster = [
      { sid = "Rights", actions = ["dynamodb:BatchGetItem"], resources = [local.arns.table["deliveries"]] },
      { sid = "RightsByShare", actions = ["dynamodb:BatchGetItem"], resources = [local.arns.table["delivery_shares"]] },
      { sid = "Stops", actions = ["dynamodb:BatchGetItem"], resources = [local.arns.table["truck_matches"]] },
      { sid = "Log", actions = ["dynamodb:Query"], resources = [local.arns.table["delivery_events"]] },
      { sid = "Blocks", actions = ["dynamodb:Scan"], resources = [local.arns.table["blocked_identities"]] },
      {
        sid       = "Subscriptions"
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
        resources = [local.arns.table["subscriptions"]]
      },
      {
        sid       = "Round"
        actions   = ["dynamodb:Query"]
        resources = ["${local.arns.table["subscriptions"]}/index/by-bucket"]
      },
      {
        sid       = "Nudges"
        actions   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
        resources = [local.arns.nudges, local.arns.snapshots]
      },
      {
        sid       = "DeadNudges"
        actions   = ["sqs:SendMessage"]
        resources = [local.arns.dead_nudges, local.arns.dead_snapshots]
      },
      {
        sid       = "Buckets"
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"]
        resources = [local.arns.rounds]
      },
      { sid = "Post", actions = ["execute-api:ManageConnections"], resources = local.arns.connections },
      {
        sid       = "Positions"
        actions   = ["es:ESHttpGet", "es:ESHttpPost"]
        resources = [local.arns.domain_paths]
      },
    ]
  }
}
