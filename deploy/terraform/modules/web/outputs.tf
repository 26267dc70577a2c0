output "url" {
  description = "URL of the customer's page. In the link of a share, the token follows as the fragment."
  value       = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.name}/"

  depends_on = [aws_route53_record.this]
}

output "console_url" {
  description = "URL of the dispatcher's console. Its client at the issuer must allow it as redirect URI."
  value       = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.name}/console.html"

  depends_on = [aws_route53_record.this]
}

output "bucket" {
  description = "Bucket for your own base map, below base_maps/."
  value       = module.bucket.name
}
