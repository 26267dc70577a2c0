mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                = "rtdts-test"
  account             = { id = "123456789012", region = "eu-central-1", partition = "aws" }
  function_names      = { iot = "rtdts-test-iot", iot-enrollment = "rtdts-test-iot-enrollment" }
  hook_arn            = "arn:aws:lambda:eu-central-1:123456789012:function:rtdts-test-iot-enrollment"
  stream_name         = "rtdts-test-device-messages"
  queue_name          = "rtdts-test-failed-device-messages"
  retention_hours     = 24
  given_up_bucket_arn = "arn:aws:s3:::rtdts-test-parked-123456789012"
}

run "messages_stay_in_order_and_are_not_lost" {
  command = apply

  assert {
    condition     = one(aws_iot_topic_rule.telemetry.kinesis).partition_key == "$${topic(2)}"
    error_message = "The partition key must be the truck in the topic, not in the message."
  }

  assert {
    condition     = length(aws_iot_topic_rule.telemetry.error_action[0].sqs) == 1
    error_message = "Messages that the stream did not accept must go to a queue."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds < 3600 * aws_kinesis_stream.this.retention_period
    error_message = "Records that can't be processed must be set aside before the stream's retention ends."
  }
}

run "a_truck_publishes_only_as_itself" {
  command = apply

  assert {
    condition = jsondecode(aws_iot_policy.truck.policy).Statement[*].Resource == [
      "arn:aws:iot:eu-central-1:123456789012:client/$${iot:Connection.Thing.ThingName}",
      "arn:aws:iot:eu-central-1:123456789012:topic/$aws/rules/rtdts_test_telemetry/trucks/$${iot:Connection.Thing.ThingName}/telemetry",
    ]
    error_message = "Client id and topic must be those of the thing to which the certificate is attached."
  }
}

run "a_claim_certificate_can_only_enroll" {
  command = apply

  assert {
    condition     = jsondecode(aws_iot_policy.claim.policy).Statement[0].Resource == "arn:aws:iot:eu-central-1:123456789012:client/enroll:*"
    error_message = "A claim certificate must not connect with a truck's client id, which would close the truck's connection."
  }

  assert {
    condition     = alltrue([for resource in flatten(jsondecode(aws_iot_policy.claim.policy).Statement[*].Resource) : !strcontains(resource, "$aws/rules") && !endswith(resource, ":*") || strcontains(resource, "enroll:")])
    error_message = "A claim certificate must not publish telemetry, and must not have access to all topics."
  }
}

run "values_that_aws_would_reject" {
  command = plan

  variables {
    name                   = "a-name-of-thirty-characters-xx"
    shard_count            = 0
    parallelization_factor = 11
  }

  expect_failures = [var.name, var.shard_count, var.parallelization_factor]
}
