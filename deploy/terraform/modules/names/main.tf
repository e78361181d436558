terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = "~> 6.0"
      configuration_aliases = [aws.global]
    }
  }
}

variable "domain" { type = string }
variable "distribution" { type = string }
variable "mails" { type = map(object({ type = string, name = string, value = string })) }
variable "publishing_name" { type = string }
variable "publishing_zone" { type = string }
variable "origin_name" { type = string }
variable "origin_zone" { type = string }

locals {
  origin     = "origin.${var.domain}"
  publishing = "publish.${var.domain}"
  # The zone of all distributions of CloudFront.
  cloudfront_zone = "Z2FDTNDATAQYW2"
}

data "aws_route53_zone" "this" {
  name = var.domain
}

resource "aws_acm_certificate" "origin" {
  domain_name               = var.domain
  subject_alternative_names = [local.origin]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "global" {
  provider          = aws.global
  domain_name       = var.domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# Both certificates ask for the same records.
resource "aws_route53_record" "proof" {
  for_each = {
    for option in aws_acm_certificate.origin.domain_validation_options : option.domain_name => option
  }
  zone_id         = data.aws_route53_zone.this.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate_validation" "global" {
  provider                = aws.global
  certificate_arn         = aws_acm_certificate.global.arn
  validation_record_fqdns = [aws_route53_record.proof[var.domain].fqdn]
}

resource "aws_route53_record" "page" {
  for_each = toset(["A", "AAAA"])
  zone_id  = data.aws_route53_zone.this.zone_id
  name     = var.domain
  type     = each.key

  alias {
    name                   = var.distribution
    zone_id                = local.cloudfront_zone
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "origin" {
  zone_id = data.aws_route53_zone.this.zone_id
  name    = local.origin
  type    = "A"

  alias {
    name                   = var.origin_name
    zone_id                = var.origin_zone
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "publishing" {
  zone_id = data.aws_route53_zone.this.zone_id
  name    = local.publishing
  type    = "A"

  alias {
    name                   = var.publishing_name
    zone_id                = var.publishing_zone
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "mails" {
  for_each = var.mails
  zone_id  = data.aws_route53_zone.this.zone_id
  name     = each.value.name
  type     = each.value.type
  records  = [each.value.value]
  ttl      = 3600
}

output "origin" { value = local.origin }
output "publishing" { value = local.publishing }
output "certificate" { value = aws_acm_certificate_validation.origin.certificate_arn }
output "global_certificate" { value = aws_acm_certificate_validation.global.certificate_arn }
