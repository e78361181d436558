variable "name" { type = string }
variable "network" { type = any }
variable "callers" { type = list(string) }
variable "key_arn" { type = string }
variable "instance" { type = string }
variable "replicas" { type = number }

locals {
  port = 6379
}

resource "random_password" "token" {
  length  = 40
  special = false
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.network.private_subnets
}

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Redis, from the nodes alone"
  vpc_id      = var.network.vpc
}

resource "aws_vpc_security_group_ingress_rule" "callers" {
  for_each                     = { for at, group in var.callers : tostring(at) => group }
  security_group_id            = aws_security_group.this.id
  description                  = "Nodes"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_elasticache_parameter_group" "this" {
  name   = var.name
  family = "valkey8"

  # What is written must not vanish: a full one says so.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Messages between nodes, rates, leases: nothing that must last"
  engine               = "valkey"
  engine_version       = "8.0"
  node_type            = var.instance
  port                 = local.port
  num_cache_clusters   = var.replicas + 1

  multi_az_enabled           = true
  automatic_failover_enabled = true
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]
  parameter_group_name       = aws_elasticache_parameter_group.this.name

  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  auth_token                 = random_password.token.result
  kms_key_id                 = var.key_arn
  auto_minor_version_upgrade = true
}

output "id" { value = "${aws_elasticache_replication_group.this.id}-001" }
output "url" {
  sensitive = true
  value     = "rediss://:${random_password.token.result}@${aws_elasticache_replication_group.this.primary_endpoint_address}:${local.port}/0"
}
