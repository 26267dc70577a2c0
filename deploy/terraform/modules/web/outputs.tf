output "url" {
  description = "Of the customer's page: a share's token follows as its fragment."
  value       = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.name}/"

  depends_on = [aws_route53_record.this]
}

output "console_url" {
  description = "Of the dispatcher's console: the redirect URI that its client at the issuer must allow."
  value       = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.name}/console.html"

  depends_on = [aws_route53_record.this]
}

output "bucket" {
  description = "Where a base map of one's own is put, below base_maps/."
  value       = module.bucket.name
}
