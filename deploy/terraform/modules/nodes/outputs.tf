output "security_group" { value = aws_security_group.this.id }
output "cluster" { value = aws_ecs_cluster.this.name }
output "services" { value = { for name, service in local.services : name => service.count } }
output "log_group" { value = aws_cloudwatch_log_group.this.name }
