output "names" {
  description = "The tables' names by logical name."
  value       = { for key, table in aws_dynamodb_table.this : key => table.name }
}

output "arns" {
  description = "The tables' ARNs by logical name."
  value       = { for key, table in aws_dynamodb_table.this : key => table.arn }
}
