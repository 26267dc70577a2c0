# CloudFront and AWS WAF in front of people's routes and the socket. They block an address that sends too much
# before it causes a Lambda invocation. /telemetry is not behind them: per request, the edge would cost as much
# as batching saves, and the trucks of one carrier share addresses.

locals {
  names = [for key in sort(keys(var.fronts)) : var.fronts[key].name]

  # CloudFront accepts certificates and web ACLs only from this region.
  global_region = "us-east-1"

  # AWS's managed policies. Their ids are the same in every account.
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # Managed-CachingDisabled
  all_viewer       = "216adef6-5c7f-47e4-b989-5492eafa07d3" # Managed-AllViewer: also Host and the WebSocket's headers
}

# No validation records: for the same name, ACM requires the same record in all regions of an account, and the
# gateway's certificate already has it.
resource "aws_acm_certificate" "this" {
  region = local.global_region

  domain_name               = local.names[0]
  subject_alternative_names = slice(local.names, 1, length(local.names))
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate_validation" "this" {
  region = local.global_region

  certificate_arn = aws_acm_certificate.this.arn
}

resource "aws_wafv2_web_acl" "this" {
  region = local.global_region

  name        = var.name
  description = "Blocks addresses that send too much or are known for attacks"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  custom_response_body {
    key          = "too-many"
    content_type = "APPLICATION_JSON"
    content      = jsonencode({ message = "Too Many Requests" }) # the gateway's message for 429
  }

  rule {
    name     = "rate-of-an-address"
    priority = 1

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "too-many"

          response_header {
            name  = "Retry-After"
            value = "60"
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.requests_per_address
        evaluation_window_sec = 60
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate-of-an-address"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-attackers"
    priority = 2

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-known-attackers"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 3

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-known-bad-inputs"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_cloudfront_distribution" "this" {
  for_each = var.fronts

  comment         = "${var.name} ${each.key}"
  enabled         = true
  aliases         = [each.value.name]
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = "PriceClass_All"
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = "gateway"
    domain_name = each.value.origin

    # With it, the Lambdas recognise requests through the edge. It replaces a header that a client sends.
    custom_header {
      name  = var.secret_header
      value = var.secret
    }

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 30 # the gateway responds within 29 s
      origin_keepalive_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id         = "gateway"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.this.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }
}

resource "aws_route53_record" "this" {
  for_each = var.fronts

  zone_id = var.zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.this[each.key].domain_name
    zone_id                = aws_cloudfront_distribution.this[each.key].hosted_zone_id
    evaluate_target_health = false
  }
}
