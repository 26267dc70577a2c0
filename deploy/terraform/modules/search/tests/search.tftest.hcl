mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name               = "rtdts-test"
  engine_version     = "OpenSearch_2.19"
  instance_type      = "r7g.large.search"
  instance_count     = 3
  volume_gb          = 100
  subnet_ids         = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_id  = "sg-1"
  admin_role_arn     = "arn:aws:iam::123456789012:role/admin"
  client_role_arns   = ["arn:aws:iam::123456789012:role/client"]
  account            = { id = "123456789012", region = "eu-central-1", partition = "aws" }
  log_retention_days = 7
}

run "closed" {
  command = apply

  assert {
    condition     = !strcontains(aws_opensearch_domain.this.access_policies, "ESHttpDelete")
    error_message = "No role may delete an index."
  }
}

run "zones_are_even" {
  command = plan

  variables {
    instance_count = 4
  }

  expect_failures = [aws_opensearch_domain.this]
}

run "a_burstable_node_is_for_one_zone" {
  command = plan

  variables {
    instance_type = "t3.small.search"
  }

  expect_failures = [aws_opensearch_domain.this]
}

run "names_and_sizes_are_the_services" {
  command = plan

  variables {
    engine_version = "Elasticsearch_7.10"
    instance_type  = "r7g.large"
    instance_count = 0
    volume_gb      = 5
    subnet_ids     = []
  }

  expect_failures = [var.engine_version, var.instance_type, var.instance_count, var.volume_gb, var.subnet_ids]
}
