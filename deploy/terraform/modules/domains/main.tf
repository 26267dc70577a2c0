# Names of our own before the two APIs: trucks and apps keep them for years, and an API that is made
# anew has another host. One certificate for all, which Route 53 proves and renews.

locals {
  names = [for key in sort(keys(var.domains)) : var.domains[key].name]
}

resource "aws_acm_certificate" "this" {
  domain_name               = local.names[0]
  subject_alternative_names = slice(local.names, 1, length(local.names))
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true # the old one is in use until the names have the new one
  }
}

resource "aws_route53_record" "validation" {
  # By our own names, which a first plan knows.
  for_each = toset(local.names)

  zone_id         = var.zone_id
  name            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_value if option.domain_name == each.key]
  ttl             = 300
  allow_overwrite = true # the same record proves the next certificate
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_apigatewayv2_domain_name" "this" {
  for_each = var.domains

  domain_name = each.value.name

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.this.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = var.domains

  api_id      = each.value.api_id
  domain_name = aws_apigatewayv2_domain_name.this[each.key].id
  stage       = each.value.stage
}

resource "aws_route53_record" "this" {
  for_each = { for key, one in var.domains : key => one if !contains(var.behind_edge, key) }

  zone_id = var.zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
