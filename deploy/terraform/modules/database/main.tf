variable "name" { type = string }
variable "network" { type = any }
variable "callers" { type = list(string) }
variable "key_arn" { type = string }
variable "instance" { type = string }
variable "storage_gb" { type = number }
variable "most_gb" { type = number }
variable "kept_days" { type = number }
variable "is_protected" { type = bool }

locals {
  port  = 5432
  major = 17
}

resource "random_password" "owner" {
  length  = 40
  special = false
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.network.private_subnets
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Postgres, from the nodes alone"
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

resource "aws_db_parameter_group" "this" {
  name_prefix = var.name
  family      = "postgres${local.major}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "idle_in_transaction_session_timeout"
    value = "60000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_293: var.is_protected is true in production; staging is to be thrown away
  identifier     = var.name
  engine         = "postgres"
  engine_version = local.major
  instance_class = var.instance

  db_name  = "socialflow"
  username = "socialflow"
  password = random_password.owner.result
  port     = local.port

  storage_type          = "gp3"
  allocated_storage     = var.storage_gb
  max_allocated_storage = var.most_gb
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  multi_az                            = true
  db_subnet_group_name                = aws_db_subnet_group.this.name
  vpc_security_group_ids              = [aws_security_group.this.id]
  publicly_accessible                 = false
  iam_database_authentication_enabled = true
  parameter_group_name                = aws_db_parameter_group.this.name

  # Any moment of these days can be restored.
  backup_retention_period   = var.kept_days
  copy_tags_to_snapshot     = true
  deletion_protection       = var.is_protected
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-last"

  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-database-monitoring"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

output "id" { value = aws_db_instance.this.identifier }
output "arn" { value = aws_db_instance.this.arn }
output "url" {
  sensitive = true
  value     = "postgresql://socialflow:${random_password.owner.result}@${aws_db_instance.this.endpoint}/socialflow?sslmode=require"
}
