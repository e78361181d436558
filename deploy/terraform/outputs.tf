output "address" {
  description = "What people open"
  value       = "https://${var.domain}"
}

output "publishing_address" {
  description = "What encoders publish to"
  value       = "rtmp://${module.names.publishing}:${local.ports.rtmp}/live"
}

output "log_group" {
  description = "Where the nodes log; the first start of an actors node has the administrator's one-time password"
  value       = module.nodes.log_group
}
