output "urls" {
  description = "The queues' URLs by logical name."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.url }
}

output "arns" {
  description = "The queues' ARNs by logical name."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.arn }
}

output "names" {
  description = "The queues' names by logical name."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.name }
}

output "dead_letter_urls" {
  description = "The dead-letter queues' URLs by logical name."
  value       = { for key, queue in aws_sqs_queue.dead_letter : key => queue.url }
}

output "dead_letter_arns" {
  description = "The dead-letter queues' ARNs by logical name."
  value       = { for key, queue in aws_sqs_queue.dead_letter : key => queue.arn }
}

output "dead_letter_names" {
  description = "The dead-letter queues' names by logical name."
  value       = { for key, queue in aws_sqs_queue.dead_letter : key => queue.name }
}
