# The OpenSearch domain: in the VPC, with fine-grained access control. Its IAM policy lists the
# roles that may reach it; the roles that search_admin_lambda installs set what each may do there.

locals {
  log_types = { ES_APPLICATION_LOGS = "application", AUDIT_LOGS = "audit" }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_types

  name              = "/aws/opensearch/${var.name}/${each.value}"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  policy_name = "${var.name}-opensearch"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })
}

resource "aws_opensearch_domain" "this" {
  domain_name    = var.name
  engine_version = var.engine_version

  cluster_config {
    instance_type                 = var.instance_type
    instance_count                = var.instance_count
    zone_awareness_enabled        = length(var.subnet_ids) > 1
    dedicated_master_enabled      = var.dedicated_master_type != null
    dedicated_master_type         = var.dedicated_master_type
    dedicated_master_count        = var.dedicated_master_type == null ? null : 3
    multi_az_with_standby_enabled = false

    dynamic "zone_awareness_config" {
      for_each = length(var.subnet_ids) > 1 ? [length(var.subnet_ids)] : []

      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.volume_gb
  }

  vpc_options {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
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
      master_user_arn = var.admin_role_arn
    }
  }

  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = concat([var.admin_role_arn], var.client_role_arns) }
      Action    = [for method in ["Get", "Head", "Post", "Put"] : "es:ESHttp${method}"]
      Resource  = "arn:${var.account.partition}:es:${var.account.region}:${var.account.id}:domain/${var.name}/*"
    }]
  })

  dynamic "log_publishing_options" {
    for_each = local.log_types

    content {
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = aws_cloudwatch_log_group.this[log_publishing_options.key].arn
    }
  }

  # New versions of the service's own software are installed in the quiet hours, without approval.
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

  # Writing logs is checked when the domain is made.
  depends_on = [aws_cloudwatch_log_resource_policy.this]

  lifecycle {
    precondition {
      condition     = var.instance_count % length(var.subnet_ids) == 0
      error_message = "Each zone must have as many nodes as the others."
    }

    precondition {
      condition     = !(startswith(var.instance_type, "t") && length(var.subnet_ids) > 1)
      error_message = "Burstable nodes have no place where three zones are wanted."
    }
  }

  timeouts {
    create = "90m"
    update = "180m"
    delete = "90m"
  }
}
