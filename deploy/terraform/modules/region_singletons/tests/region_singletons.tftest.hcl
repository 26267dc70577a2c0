mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name                           = "rtdts-test"
  api_gateway_log_role           = true
  opensearch_service_linked_role = true
}

run "made_where_they_are_missing" {
  command = apply

  assert {
    condition     = length(aws_api_gateway_account.this) == 1 && length(aws_iam_service_linked_role.opensearch) == 1
    error_message = "Both."
  }
}

run "left_alone_where_they_are_there" {
  command = apply

  variables {
    api_gateway_log_role           = false
    opensearch_service_linked_role = false
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 0 && length(aws_iam_service_linked_role.opensearch) == 0 && output.ready
    error_message = "None."
  }
}
