# The OpenSearch domain, in the VPC, with fine-grained access control. Its access policy lists the IAM roles that
# may connect. OpenSearch's own roles, which search_admin_lambda installs, define what each of them may do.

locals {
  # Composed from the name: the domain's access policy needs the roles, and their policies need the domain's ARN.
  domain_arn = "${local.arn.es}:domain/${var.name}"

  # Listed one by one: a loop over all functions would be a cycle, because some of them get the domain's URL.
  search_role_arns = [
    module.function["search-admin"].role_arn,
    module.function["track"].role_arn,
    module.container_role["consumer"].arn,
    module.container_role["broadcaster"].arn,
    module.container_role["operations"].arn,
    module.raw_log_role.arn,
  ]

  search_subnet_ids = slice(module.network.private_subnet_ids, 0, var.search.zones)
  search_log_types  = { ES_APPLICATION_LOGS = "application", AUDIT_LOGS = "audit" }
}

resource "aws_cloudwatch_log_group" "search" {
  for_each = local.search_log_types

  name              = "/aws/opensearch/${var.name}/${each.value}"
  retention_in_days = var.retention.log_days
}

resource "aws_cloudwatch_log_resource_policy" "search" {
  policy_name = "${var.name}-opensearch"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = [for group in aws_cloudwatch_log_group.search : "${group.arn}:*"]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })
}

resource "aws_opensearch_domain" "this" {
  domain_name    = var.name
  engine_version = var.search.engine_version

  cluster_config {
    instance_type                 = var.search.instance_type
    instance_count                = var.search.instance_count
    zone_awareness_enabled        = var.search.zones > 1
    dedicated_master_enabled      = var.search.dedicated_master_type != null
    dedicated_master_type         = var.search.dedicated_master_type
    dedicated_master_count        = var.search.dedicated_master_type == null ? null : 3
    multi_az_with_standby_enabled = false

    dynamic "zone_awareness_config" {
      for_each = var.search.zones > 1 ? [var.search.zones] : []

      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.search.volume_gb
  }

  vpc_options {
    subnet_ids         = local.search_subnet_ids
    security_group_ids = [module.network.security_group_ids["search"]]
  }

  encrypt_at_rest {
    enabled = true
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  advanced_security_options {
    enabled                        = true
    internal_user_database_enabled = false

    master_user_options {
      master_user_arn = module.function["search-admin"].role_arn
    }
  }

  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = local.search_role_arns }
      Action    = [for method in ["Get", "Head", "Post", "Put"] : "es:ESHttp${method}"]
      Resource  = "${local.domain_arn}/*"
    }]
  })

  dynamic "log_publishing_options" {
    for_each = local.search_log_types

    content {
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = aws_cloudwatch_log_group.search[log_publishing_options.key].arn
    }
  }

  # Updates of the service software are installed in the off-peak window, without approval.
  software_update_options {
    auto_software_update_enabled = true
  }

  off_peak_window_options {
    enabled = true

    off_peak_window {
      window_start_time {
        hours   = 18
        minutes = 0
      }
    }
  }

  # OpenSearch Service checks that it may write the logs when it creates the domain.
  depends_on = [aws_cloudwatch_log_resource_policy.search, aws_iam_service_linked_role.opensearch]

  timeouts {
    create = "90m"
    update = "180m"
    delete = "90m"
  }
}

# Invoked again if the code, the settings or the engine version change. If it fails, the apply fails.
resource "aws_lambda_invocation" "prepare_search" {
  function_name = module.function["search-admin"].name
  input         = jsonencode({})

  triggers = {
    code        = module.function["search-admin"].source_code_hash
    environment = sha256(jsonencode(local.function_environments["search-admin"]))
    engine      = var.search.engine_version
  }
}
