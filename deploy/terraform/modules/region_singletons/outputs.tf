output "ready" {
  description = "Known once all of them are there."
  value       = true

  depends_on = [aws_api_gateway_account.this, aws_iam_service_linked_role.opensearch]
}
