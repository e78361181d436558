variable "name" { type = string }
variable "domain" { type = string }
variable "origin" { type = string }
variable "certificate" { type = string }
variable "firewall" { type = string }
variable "logs_bucket" { type = string }

# As the nodes say it: segments for a year, playlists for a second or until the next part. The query is part of the
# address. What not everybody may see is marked private by the nodes and is never kept: its addresses are sealed by them, so
# CloudFront signs nothing of its own.
resource "aws_cloudfront_cache_policy" "media" {
  name        = "${var.name}-media"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

# CloudFront goes by Cache-Control alone, which tells browsers to ask each time: playlists are kept for a second here.
resource "aws_cloudfront_cache_policy" "playlists" {
  name        = "${var.name}-playlists"
  min_ttl     = 1
  default_ttl = 1
  max_ttl     = 1

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip = true

    cookies_config {
      cookie_behavior = "none"
    }

    # A playlist of a stream that not everybody may see is another one for each who asks.
    headers_config {
      header_behavior = "whitelist"

      headers {
        items = ["Authorization"]
      }
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

data "aws_cloudfront_cache_policy" "none" {
  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "all" {
  name = "Managed-AllViewer"
}

resource "aws_cloudfront_response_headers_policy" "this" {
  name = var.name

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }

    content_type_options {
      override = false
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_305: the server answers / itself
  #checkov:skip=CKV_AWS_310: behind the one origin are nodes in several zones
  #checkov:skip=CKV_AWS_374: who may watch from where is set by stream, and judged by the nodes
  #checkov:skip=CKV2_AWS_47: the rules against Log4j are part of the firewall (AWSManagedRulesKnownBadInputsRuleSet)
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  aliases         = [var.domain]
  web_acl_id      = var.firewall
  price_class     = "PriceClass_All"

  origin {
    origin_id   = "nodes"
    domain_name = var.origin

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 30
      origin_keepalive_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id           = "nodes"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = data.aws_cloudfront_cache_policy.none.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  dynamic "ordered_cache_behavior" {
    for_each = [
      { path = "/hls/*.m3u8", policy = aws_cloudfront_cache_policy.playlists.id },
      { path = "/hls/*", policy = aws_cloudfront_cache_policy.media.id },
      { path = "/assets/*", policy = aws_cloudfront_cache_policy.media.id },
    ]

    content {
      path_pattern               = ordered_cache_behavior.value.path
      target_origin_id           = "nodes"
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD", "OPTIONS"]
      cached_methods             = ["GET", "HEAD"]
      cache_policy_id            = ordered_cache_behavior.value.policy
      origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
      compress                   = true
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  logging_config {
    bucket = var.logs_bucket
    prefix = "cdn/"
  }
}

output "address" { value = aws_cloudfront_distribution.this.domain_name }
