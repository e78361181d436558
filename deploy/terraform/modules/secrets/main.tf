variable "name" { type = string }
variable "key_arn" { type = string }

variable "secrets" {
  description = "Values by the name of their environment variable"
  type        = map(string)
  sensitive   = true
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57: a URL is made of a password of its engine, which is replaced by `terraform apply -replace`
  for_each                = nonsensitive(toset(keys(var.secrets)))
  name                    = "${var.name}/${each.key}"
  kms_key_id              = var.key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each      = aws_secretsmanager_secret.this
  secret_id     = each.value.id
  secret_string = var.secrets[each.key]
}

output "arns" {
  description = "By the same names"
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
