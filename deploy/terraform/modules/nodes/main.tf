locals {
  drain_s = 60

  # Each process as a service: what it runs, how many, what it is told beside the rest, who leads to it.
  services = merge(
    {
      edge = {
        command = "serve", size = var.edge, count = var.edge.min
        own     = { SOCIALFLOW_NODE_ROLES = "edge" }
        targets = { http = var.balancing.edge_targets }
      }
      actors = {
        command = "serve", size = var.actors, count = var.actors.nodes
        own     = { SOCIALFLOW_NODE_ROLES = "actors" }
        targets = {}
      }
      jobs = {
        command = "worker", size = var.jobs, count = var.jobs.nodes
        own     = {}
        targets = {}
      }
    },
    {
      for at, port in var.balancing.webrtc_ports : "media-${at}" => {
        command = "serve", size = var.media, count = 1
        own = {
          SOCIALFLOW_NODE_ROLES       = "media"
          SOCIALFLOW_WEBRTC_PORT      = tostring(port)
          SOCIALFLOW_WEBRTC_ADDRESSES = join(",", var.balancing.publishing_addresses)
        }
        targets = {
          http   = var.balancing.media_targets
          rtmp   = var.balancing.rtmp_targets
          webrtc = var.balancing.webrtc_targets[at]
        }
      }
    },
  )

  environment = merge(var.environment, {
    SOCIALFLOW_NODE_PORT = tostring(var.ports.inside)
    SOCIALFLOW_DRAIN_S   = tostring(local.drain_s)
    SOCIALFLOW_RUN_DIR   = "/data/run"
    TMPDIR               = "/data"
  })
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/nodes"
  retention_in_days = 365
  kms_key_id        = var.key_arn
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = local.services
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.size.cpu
  memory                   = each.value.size.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.node.arn

  ephemeral_storage {
    size_in_gib = 40
  }

  volume {
    name = "data"
  }

  container_definitions = jsonencode([{
    name                   = "node"
    image                  = var.image
    essential              = true
    user                   = "10001"
    readonlyRootFilesystem = true
    stopTimeout            = 2 * local.drain_s
    # A task knows its address only once it runs.
    entryPoint = ["sh", "-c"]
    command    = ["SOCIALFLOW_NODE_HOST=\"$(hostname -i)\" exec socialflow ${each.value.command}"]

    environment = [
      for name, value in merge(local.environment, each.value.own) : { name = name, value = value }
    ]
    secrets     = [for name, arn in var.secret_arns : { name = name, valueFrom = arn }]
    mountPoints = [{ sourceVolume = "data", containerPath = "/data", readOnly = false }]

    portMappings = each.value.command == "worker" ? [] : concat(
      [
        { containerPort = var.ports.http, protocol = "tcp" },
        { containerPort = var.ports.inside, protocol = "tcp" },
      ],
      contains(keys(each.value.targets), "webrtc") ? [
        { containerPort = var.ports.rtmp, protocol = "tcp" },
        { containerPort = tonumber(each.value.own.SOCIALFLOW_WEBRTC_PORT), protocol = "udp" },
        { containerPort = tonumber(each.value.own.SOCIALFLOW_WEBRTC_PORT), protocol = "tcp" },
      ] : [],
    )

    linuxParameters = { initProcessEnabled = true }
    ulimits         = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = each.key
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  for_each         = local.services
  name             = each.key
  cluster          = aws_ecs_cluster.this.id
  task_definition  = aws_ecs_task_definition.this[each.key].arn
  desired_count    = each.value.count
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"

  # The one node of media with its port goes before its successor comes; of all others one more comes first.
  deployment_minimum_healthy_percent = startswith(each.key, "media-") ? 0 : 100
  deployment_maximum_percent         = startswith(each.key, "media-") ? 100 : 200
  health_check_grace_period_seconds  = length(each.value.targets) > 0 ? 60 : null

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.private_subnets
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = each.value.targets

    content {
      target_group_arn = load_balancer.value
      container_name   = "node"
      container_port = (
        load_balancer.key == "webrtc" ? tonumber(each.value.own.SOCIALFLOW_WEBRTC_PORT) : var.ports[load_balancer.key]
      )
    }
  }

  lifecycle {
    # The number of edge nodes is the scaling's.
    ignore_changes = [desired_count]
  }
}

resource "aws_appautoscaling_target" "edge" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this["edge"].name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.edge.min
  max_capacity       = var.edge.max
}

resource "aws_appautoscaling_policy" "load" {
  name               = "load"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.edge.service_namespace
  resource_id        = aws_appautoscaling_target.edge.resource_id
  scalable_dimension = aws_appautoscaling_target.edge.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_out_cooldown = 30
    scale_in_cooldown  = 600

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Sockets stay open at the balancer for as long as somebody watches: one is a viewer.
resource "aws_appautoscaling_policy" "viewers" {
  name               = "viewers"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.edge.service_namespace
  resource_id        = aws_appautoscaling_target.edge.resource_id
  scalable_dimension = aws_appautoscaling_target.edge.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.edge.viewers
    scale_out_cooldown = 30
    scale_in_cooldown  = 600

    customized_metric_specification {
      metrics {
        id          = "connections"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/ApplicationELB"
            metric_name = "ActiveConnectionCount"

            dimensions {
              name  = "LoadBalancer"
              value = var.balancing.origin_suffix
            }
          }
        }
      }

      metrics {
        id          = "nodes"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/ApplicationELB"
            metric_name = "HealthyHostCount"

            dimensions {
              name  = "LoadBalancer"
              value = var.balancing.origin_suffix
            }

            dimensions {
              name  = "TargetGroup"
              value = var.balancing.edge_suffix
            }
          }
        }
      }

      metrics {
        id          = "each"
        expression  = "connections / nodes"
        return_data = true
      }
    }
  }
}
