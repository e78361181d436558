resource "aws_security_group" "this" {
  name        = "${var.name}-nodes"
  description = "Nodes: from the balancers and from each other"
  vpc_id      = var.network.vpc
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  for_each                     = { http = var.balancing.origin_group, health = var.balancing.publishing_group }
  security_group_id            = aws_security_group.this.id
  description                  = "Balancer: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.ports.http
  to_port                      = var.ports.http
}

resource "aws_vpc_security_group_ingress_rule" "rtmp" {
  security_group_id            = aws_security_group.this.id
  description                  = "Encoders, by the balancer"
  referenced_security_group_id = var.balancing.publishing_group
  ip_protocol                  = "tcp"
  from_port                    = var.ports.rtmp
  to_port                      = var.ports.rtmp
}

resource "aws_vpc_security_group_ingress_rule" "webrtc" {
  for_each = merge([for protocol in ["udp", "tcp"] :
    { for port in values(var.balancing.webrtc_ports) : "${protocol}-${port}" => { protocol = protocol, port = port } }
  ]...)
  security_group_id            = aws_security_group.this.id
  description                  = "WebRTC peers, by the balancer"
  referenced_security_group_id = var.balancing.publishing_group
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "inside" {
  security_group_id            = aws_security_group.this.id
  description                  = "Each other"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = var.ports.inside
  to_port                      = var.ports.inside
}

# Webhooks, push services, restreams, peers of WebRTC: they are anywhere.
resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.this.id
  description       = "Anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

locals {
  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

# What starts a task: it fetches the image and the secrets.
resource "aws_iam_role" "start" {
  name               = "${var.name}-start"
  assume_role_policy = local.assumed_by_tasks
}

resource "aws_iam_role_policy_attachment" "start" {
  role       = aws_iam_role.start.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "start" {
  name = "secrets"
  role = aws_iam_role.start.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = values(var.secret_arns) },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = var.key_arn },
    ]
  })
}

# What a node may do: its objects, and nothing else.
resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = local.assumed_by_tasks
}

resource "aws_iam_role_policy" "node" {
  name = "objects"
  role = aws_iam_role.node.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:ListBucket", "s3:GetBucketLocation"], Resource = var.bucket_arn },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${var.bucket_arn}/*"
      },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.key_arn },
    ]
  })
}
