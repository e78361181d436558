variable "name" { type = string }
variable "network" { type = any }
variable "ports" { type = map(number) }
variable "media_nodes" { type = number }
variable "certificate" { type = string }
variable "logs_bucket" { type = string }

locals {
  # Each node of media has a port of its own: what a peer sends must come to the node that answered it.
  webrtc_ports = { for at in range(var.media_nodes) : tostring(at) => var.ports.webrtc + at }
}

# CloudFront alone comes to the balancer of HTTP.
data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "origin" {
  name        = "${var.name}-origin"
  description = "HTTPS, from CloudFront alone"
  vpc_id      = var.network.vpc
}

resource "aws_vpc_security_group_ingress_rule" "origin" {
  security_group_id = aws_security_group.origin.id
  description       = "CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "origin" {
  security_group_id = aws_security_group.origin.id
  description       = "Nodes"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "tcp"
  from_port         = var.ports.http
  to_port           = var.ports.http
}

resource "aws_lb" "origin" {
  #checkov:skip=CKV2_AWS_28: the firewall stands before it, at CloudFront, and nobody else comes here
  name                       = "${var.name}-http"
  load_balancer_type         = "application"
  subnets                    = var.network.public_subnets
  security_groups            = [aws_security_group.origin.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = true
  # Sockets and blocking playlists wait.
  idle_timeout = 75

  access_logs {
    bucket  = var.logs_bucket
    prefix  = "http"
    enabled = true
  }
}

resource "aws_lb_listener" "origin" {
  load_balancer_arn = aws_lb.origin.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["edge"].arn
  }
}

# Who is asked to take a publisher in is who its media comes to.
resource "aws_lb_listener_rule" "whip" {
  listener_arn = aws_lb_listener.origin.arn
  priority     = 10

  condition {
    path_pattern {
      values = ["/whip", "/whip/*"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["media"].arn
  }
}

resource "aws_lb_listener_rule" "metrics" {
  listener_arn = aws_lb_listener.origin.arn
  priority     = 1

  condition {
    path_pattern {
      values = ["/metrics"]
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_target_group" "http" {
  #checkov:skip=CKV_AWS_378: within the VPC plain HTTP is spoken, as docs/operations.md has it
  for_each             = toset(["edge", "media"])
  name                 = "${var.name}-${each.key}"
  vpc_id               = var.network.vpc
  port                 = var.ports.http
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 30

  # A node that drains says so here, and is given nothing new.
  health_check {
    path                = "/readyz"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_eip" "publishing" {
  #checkov:skip=CKV2_AWS_19: it is the address of a balancer, no instance's
  count  = length(var.network.public_subnets)
  domain = "vpc"
}

resource "aws_security_group" "publishing" {
  name        = "${var.name}-publishing"
  description = "Encoders and WebRTC peers, from anywhere"
  vpc_id      = var.network.vpc
}

resource "aws_vpc_security_group_ingress_rule" "rtmp" {
  security_group_id = aws_security_group.publishing.id
  description       = "Encoders"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = var.ports.rtmp
  to_port           = var.ports.rtmp
}

# TCP for those whose networks let no UDP out.
resource "aws_vpc_security_group_ingress_rule" "webrtc" {
  for_each          = toset(["udp", "tcp"])
  security_group_id = aws_security_group.publishing.id
  description       = "WebRTC peers"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = each.value
  from_port         = var.ports.webrtc
  to_port           = var.ports.webrtc + var.media_nodes - 1
}

resource "aws_vpc_security_group_egress_rule" "publishing" {
  security_group_id = aws_security_group.publishing.id
  description       = "Nodes"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "-1"
}

resource "aws_lb" "publishing" {
  #checkov:skip=CKV_AWS_91: a network balancer logs TLS connections alone, and has none
  name                             = "${var.name}-publishing"
  load_balancer_type               = "network"
  security_groups                  = [aws_security_group.publishing.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = true

  dynamic "subnet_mapping" {
    for_each = var.network.public_subnets

    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.publishing[subnet_mapping.key].id
    }
  }
}

resource "aws_lb_target_group" "rtmp" {
  name                 = "${var.name}-rtmp"
  vpc_id               = var.network.vpc
  port                 = var.ports.rtmp
  protocol             = "TCP"
  target_type          = "ip"
  preserve_client_ip   = true
  deregistration_delay = 60

  health_check {
    protocol = "HTTP"
    path     = "/readyz"
    port     = var.ports.http
    interval = 5
    timeout  = 3
  }
}

resource "aws_lb_listener" "rtmp" {
  #checkov:skip=CKV2_AWS_74: encoders speak plain RTMP; their key is good for one stream, and RTMPS ends at a node
  load_balancer_arn = aws_lb.publishing.arn
  port              = var.ports.rtmp
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.rtmp.arn
  }
}

resource "aws_lb_target_group" "webrtc" {
  for_each             = local.webrtc_ports
  name                 = "${var.name}-rtc-${each.key}"
  vpc_id               = var.network.vpc
  port                 = each.value
  protocol             = "TCP_UDP"
  target_type          = "ip"
  preserve_client_ip   = true
  deregistration_delay = 60

  health_check {
    protocol = "HTTP"
    path     = "/readyz"
    port     = var.ports.http
    interval = 5
    timeout  = 3
  }
}

resource "aws_lb_listener" "webrtc" {
  #checkov:skip=CKV2_AWS_74: WebRTC encrypts its media itself (DTLS-SRTP)
  for_each          = local.webrtc_ports
  load_balancer_arn = aws_lb.publishing.arn
  port              = each.value
  protocol          = "TCP_UDP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.webrtc[each.key].arn
  }
}

output "origin_name" { value = aws_lb.origin.dns_name }
output "origin_zone" { value = aws_lb.origin.zone_id }
output "origin_suffix" { value = aws_lb.origin.arn_suffix }
output "origin_group" { value = aws_security_group.origin.id }
output "edge_suffix" { value = aws_lb_target_group.http["edge"].arn_suffix }
output "publishing_name" { value = aws_lb.publishing.dns_name }
output "publishing_zone" { value = aws_lb.publishing.zone_id }
output "publishing_group" { value = aws_security_group.publishing.id }
output "publishing_addresses" { value = aws_eip.publishing[*].public_ip }
output "webrtc_ports" { value = local.webrtc_ports }

# A service takes a group of targets only once something leads to it.
output "edge_targets" {
  value      = aws_lb_target_group.http["edge"].arn
  depends_on = [aws_lb_listener.origin]
}

output "media_targets" {
  value      = aws_lb_target_group.http["media"].arn
  depends_on = [aws_lb_listener_rule.whip]
}

output "rtmp_targets" {
  value      = aws_lb_target_group.rtmp.arn
  depends_on = [aws_lb_listener.rtmp]
}

output "webrtc_targets" {
  value      = { for at, group in aws_lb_target_group.webrtc : at => group.arn }
  depends_on = [aws_lb_listener.webrtc]
}
