# FIFO queues, most with a dead-letter queue.

locals {
  # Per message group instead of per queue: otherwise SQS accepts only 300 sends per second.
  deduplication_scope   = "messageGroup"
  fifo_throughput_limit = "perMessageGroupId"

  with_dead_letters = { for key, queue in local.definitions.queues : key => queue if queue.max_receive_count != null }
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = local.with_dead_letters

  name                      = "${var.name}-${each.value.dead_letter_name_suffix}"
  fifo_queue                = true
  deduplication_scope       = local.deduplication_scope
  fifo_throughput_limit     = local.fifo_throughput_limit
  message_retention_seconds = each.value.dead_letter_retention_s
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "this" {
  for_each = local.definitions.queues

  name                       = "${var.name}-${each.value.name_suffix}"
  fifo_queue                 = true
  deduplication_scope        = local.deduplication_scope
  fifo_throughput_limit      = local.fifo_throughput_limit
  visibility_timeout_seconds = each.value.visibility_timeout_s
  message_retention_seconds  = each.value.retention_s
  sqs_managed_sse_enabled    = true

  redrive_policy = each.value.max_receive_count == null ? null : jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = each.value.max_receive_count
  })
}

# No other queue may use this dead-letter queue, and its messages can be moved back.
resource "aws_sqs_queue_redrive_allow_policy" "this" {
  for_each = local.with_dead_letters

  queue_url = aws_sqs_queue.dead_letter[each.key].url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}
