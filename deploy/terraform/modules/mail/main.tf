variable "name" { type = string }
variable "domain" { type = string }
variable "region" { type = string }

resource "aws_ses_domain_identity" "this" {
  domain = var.domain
}

resource "aws_ses_domain_dkim" "this" {
  domain = aws_ses_domain_identity.this.domain
}

resource "aws_ses_domain_mail_from" "this" {
  domain           = aws_ses_domain_identity.this.domain
  mail_from_domain = "bounces.${var.domain}"
}

# SES takes SMTP with the key of a user. It may send mails of this domain, and nothing else.
resource "aws_iam_user" "smtp" {
  #checkov:skip=CKV_AWS_273: SMTP knows no roles
  name = "${var.name}-smtp"
}

resource "aws_iam_access_key" "smtp" {
  user = aws_iam_user.smtp.name
}

resource "aws_iam_user_policy" "smtp" {
  #checkov:skip=CKV_AWS_40: SMTP knows no roles, and the user is the only one
  name = "send"
  user = aws_iam_user.smtp.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "ses:SendRawEmail"
      Resource  = aws_ses_domain_identity.this.arn
      Condition = { StringLike = { "ses:FromAddress" = "*@${var.domain}" } }
    }]
  })
}

output "url" { value = "smtp://${aws_iam_access_key.smtp.id}@email-smtp.${var.region}.amazonaws.com:587" }
output "password" {
  sensitive = true
  value     = aws_iam_access_key.smtp.ses_smtp_password_v4
}
output "records" {
  description = "What the domain must say: type, name and value of each"
  value = merge(
    { for at in range(3) : "dkim-${at}" => {
      type  = "CNAME"
      name  = "${aws_ses_domain_dkim.this.dkim_tokens[at]}._domainkey.${var.domain}"
      value = "${aws_ses_domain_dkim.this.dkim_tokens[at]}.dkim.amazonses.com"
    } },
    {
      from = {
        type  = "MX"
        name  = aws_ses_domain_mail_from.this.mail_from_domain
        value = "10 feedback-smtp.${var.region}.amazonses.com"
      }
      spf = {
        type  = "TXT"
        name  = aws_ses_domain_mail_from.this.mail_from_domain
        value = "v=spf1 include:amazonses.com -all"
      }
      dmarc = { type = "TXT", name = "_dmarc.${var.domain}", value = "v=DMARC1; p=quarantine" }
    },
  )
}
