# Domain names for the two APIs. Trucks and apps keep a name for years, but an API that is recreated has another
# host. One certificate covers all names. ACM validates and renews it through records in Route 53.

locals {
  names = [for key in sort(keys(var.domains)) : var.domains[key].name]
}

resource "aws_acm_certificate" "this" {
  domain_name               = local.names[0]
  subject_alternative_names = slice(local.names, 1, length(local.names))
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true # the domain names use the old certificate until the new one is valid
  }
}

resource "aws_route53_record" "validation" {
  # By our names, because a first plan does not know domain_validation_options.
  for_each = toset(local.names)

  zone_id         = var.zone_id
  name            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_value if option.domain_name == each.key]
  ttl             = 300
  allow_overwrite = true # the next certificate is validated by the same record
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
