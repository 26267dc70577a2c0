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

run "a_trucks_messages_stay_in_order" {
  command = apply

  assert {
    condition     = one(aws_iot_topic_rule.telemetry.kinesis).partition_key == "$${topic(2)}"
    error_message = "By the topic's truck, not by what a message says."
  }

  assert {
    condition     = length(aws_iot_topic_rule.telemetry.error_action[0].sqs) == 1
    error_message = "What the stream did not take is kept."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds < 3600 * aws_kinesis_stream.this.retention_period
    error_message = "What can't be processed is set aside before the stream drops it."
  }
}

run "a_truck_speaks_for_itself_alone" {
  command = apply

  assert {
    condition = jsondecode(aws_iot_policy.truck.policy).Statement[*].Resource == [
      "arn:aws:iot:eu-central-1:123456789012:client/$${iot:Connection.Thing.ThingName}",
      "arn:aws:iot:eu-central-1:123456789012:topic/$aws/rules/rtdts_test_telemetry/trucks/$${iot:Connection.Thing.ThingName}/telemetry",
    ]
    error_message = "By the thing that its certificate is attached to."
  }
}

run "a_claim_can_do_nothing_but_enroll" {
  command = apply

  assert {
    condition     = jsondecode(aws_iot_policy.claim.policy).Statement[0].Resource == "arn:aws:iot:eu-central-1:123456789012:client/enroll:*"
    error_message = "Under a truck's client id it would end the truck's connection."
  }

  assert {
    condition     = alltrue([for resource in flatten(jsondecode(aws_iot_policy.claim.policy).Statement[*].Resource) : !strcontains(resource, "$aws/rules") && !endswith(resource, ":*") || strcontains(resource, "enroll:")])
    error_message = "Neither to publish telemetry nor anything else."
  }
}

run "limits_are_aws" {
  command = plan

  variables {
    name                   = "a-name-of-thirty-characters-xx"
    shard_count            = 0
    parallelization_factor = 11
  }

  expect_failures = [var.name, var.shard_count, var.parallelization_factor]
}
