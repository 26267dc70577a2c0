# The customer's page and the dispatcher's console: files in a private bucket, behind CloudFront. They need no rate
# limits, because they are static; their requests go to the service's own APIs.

locals {
  # CloudFront accepts certificates only from this region.
  global_region = "us-east-1"

  # AWS's managed policy, which caches as an object's Cache-Control allows. Its id is the same in every account.
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6" # Managed-CachingOptimized

  domain = var.domain == null ? toset([]) : toset([var.domain.name])

  server_origin = regex("^https://[^/]+", var.server_url)
  socket_origin = regex("^wss://[^/]+", var.websocket_url)
  # The console fetches the discovery document from the issuer. The token endpoint may have another origin.
  sign_in_origins = var.sign_in == null ? [] : concat([regex("^https://[^/]+", var.sign_in.issuer)], var.sign_in.origins)
  headers = jsondecode(templatefile(var.headers_file, {
    connect = join(" ", distinct(concat([local.server_origin, local.socket_origin], var.map_origins, local.sign_in_origins)))
  }))

  # The headers for which CloudFront has its own options. All others are custom headers.
  own_headers = toset(["Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"])

  files = setunion(fileset(var.pages_folder, "*.html"), fileset(var.pages_folder, "assets/**"))
  types = {
    css  = "text/css"
    html = "text/html; charset=utf-8"
    js   = "text/javascript"
    mjs  = "text/javascript"
  }
}

module "bucket" {
  source = "../bucket"

  name               = var.bucket_name
  expires_after_days = null
  force_destroy      = true # its objects can be uploaded again

  statements = [{
    Sid       = "OnlyThisDistribution"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
  }]
}

resource "aws_s3_object" "page" {
  for_each = local.files

  bucket        = module.bucket.name
  key           = each.value
  source        = "${var.pages_folder}/${each.value}"
  source_hash   = filemd5("${var.pages_folder}/${each.value}")
  content_type  = lookup(local.types, regex("[^.]*$", each.value), "application/octet-stream")
  cache_control = startswith(each.value, "assets/") ? "public, max-age=31536000, immutable" : "no-cache"
}

resource "aws_s3_object" "config" {
  bucket        = module.bucket.name
  key           = "config.json"
  content_type  = "application/json"
  cache_control = "no-cache"

  content = jsonencode({
    server_url    = var.server_url
    websocket_url = var.websocket_url
    map           = var.map
    sign_in       = var.sign_in
  })
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = "The pages"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "this" {
  name    = var.name
  comment = "Headers of the pages"

  security_headers_config {
    content_security_policy {
      content_security_policy = local.headers["Content-Security-Policy"]
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = local.headers["X-Frame-Options"]
      override     = true
    }

    referrer_policy {
      referrer_policy = local.headers["Referrer-Policy"]
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 63072000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }

  custom_headers_config {
    dynamic "items" {
      for_each = { for name, value in local.headers : name => value if !contains(local.own_headers, name) }

      content {
        header   = items.key
        value    = items.value
        override = true
      }
    }
  }
}

resource "aws_acm_certificate" "this" {
  for_each = local.domain
  region   = local.global_region

  domain_name       = each.value
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = local.domain

  # By our name, because a first plan does not know domain_validation_options.
  zone_id         = var.domain.zone_id
  name            = one([for option in aws_acm_certificate.this[each.key].domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.this[each.key].domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [for option in aws_acm_certificate.this[each.key].domain_validation_options : option.resource_record_value if option.domain_name == each.key]
  ttl             = 300
  allow_overwrite = true # the next certificate is validated by the same record
}

resource "aws_acm_certificate_validation" "this" {
  for_each = local.domain
  region   = local.global_region

  certificate_arn         = aws_acm_certificate.this[each.value].arn
  validation_record_fqdns = [aws_route53_record.validation[each.value].fqdn]
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_68:static files need no WAF
  #checkov:skip=CKV_AWS_174:with CloudFront's own host name the TLS version can't be set; with a domain it is

  comment             = var.name
  enabled             = true
  aliases             = local.domain
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = "PriceClass_All"

  origin {
    origin_id                = "pages"
    domain_name              = module.bucket.regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  default_cache_behavior {
    target_origin_id           = "pages"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null ? true : null
    acm_certificate_arn            = try(one(values(aws_acm_certificate_validation.this)).certificate_arn, null)
    minimum_protocol_version       = var.domain == null ? null : "TLSv1.2_2021"
    ssl_support_method             = var.domain == null ? null : "sni-only"
  }
}

resource "aws_route53_record" "this" {
  for_each = local.domain

  zone_id = var.domain.zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}
