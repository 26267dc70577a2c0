# DynamoDB tables, as the code declares them.

locals {
  # The KCL's application name is also the name of its lease table.
  consumer_application = "${var.name}-consumer"

  table_names = {
    for key, table in local.definitions.tables : key => "${var.name}-${replace(key, "_", "-")}"
  }
  kcl_table_names = {
    for key, table in local.definitions.kcl_tables : key => "${local.consumer_application}${table.name_suffix}"
  }

  # From the resources, so that the users of a table depend on it and on its new indexes.
  table_arns = {
    for key, table in aws_dynamodb_table.this : key => "${local.arn.dynamodb}:table/${table.name}"
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = merge(local.definitions.tables, local.definitions.kcl_tables)

  name                        = merge(local.table_names, local.kcl_table_names)[each.key]
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  deletion_protection_enabled = var.protection.deletion_protection && contains(keys(local.table_names), each.key)

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.projection_type
      non_key_attributes = global_secondary_index.value.included
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute[*]

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  # Not for the KCL's tables: if they are lost, the consumer reads the stream from its oldest record, and writes
  # nothing twice. Terraform creates them, not the KCL, so that a destroy removes them.
  point_in_time_recovery {
    enabled = var.protection.point_in_time_recovery && contains(keys(local.table_names), each.key)
  }
}
