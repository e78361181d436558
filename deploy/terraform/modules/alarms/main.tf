variable "name" { type = string }
variable "address" { type = string }
variable "key_arn" { type = string }
variable "database" { type = string }
variable "cache" { type = string }
variable "cluster" { type = string }
variable "services" { type = map(number) }
variable "balancer" { type = string }
variable "target_group" { type = string }
variable "free_at_least" { type = number }

locals {
  rds   = { DBInstanceIdentifier = var.database }
  redis = { CacheClusterId = var.cache }
  http  = { LoadBalancer = var.balancer }

  # What is wrong, of which measurement, above or below what, for how many minutes.
  alarms = merge(
    {
      database-busy      = { space = "AWS/RDS", metric = "CPUUtilization", at = local.rds, above = 80, minutes = 10 }
      database-crowded   = { space = "AWS/RDS", metric = "DatabaseConnections", at = local.rds, above = 400, minutes = 5 }
      database-slow-disk = { space = "AWS/RDS", metric = "DiskQueueDepth", at = local.rds, above = 64, minutes = 10 }
      cache-full         = { space = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", at = local.redis, above = 75, minutes = 5 }
      cache-busy         = { space = "AWS/ElastiCache", metric = "EngineCPUUtilization", at = local.redis, above = 70, minutes = 10 }
      answers-with-500   = { space = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", at = local.http, above = 20, minutes = 5, stat = "Sum" }
      answers-slow = {
        space = "AWS/ApplicationELB", metric = "TargetResponseTime", at = local.http, above = 5, minutes = 10
      }
      nodes-not-ready = {
        space = "AWS/ApplicationELB", metric = "UnHealthyHostCount", above = 0, minutes = 5
        at    = merge(local.http, { TargetGroup = var.target_group })
      }
    },
    {
      for service, count in var.services : "${service}-away" => {
        space = "ECS/ContainerInsights", metric = "RunningTaskCount", below = count, minutes = 5
        at    = { ClusterName = var.cluster, ServiceName = service }
      }
    },
    {
      database-disk-full = {
        space = "AWS/RDS", metric = "FreeStorageSpace", at = local.rds, minutes = 10
        below = var.free_at_least * 1024 * 1024 * 1024
      }
    },
  )
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_subscription" "this" {
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = var.address
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "See docs/runbooks.md"
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.at
  statistic           = lookup(each.value, "stat", "Average")
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = can(each.value.above) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.above, each.value.below)
  treat_missing_data  = can(each.value.above) ? "notBreaching" : "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}
