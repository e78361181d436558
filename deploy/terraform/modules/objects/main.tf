variable "name" { type = string }
variable "key_arn" { type = string }
variable "kept_days" { type = number }

data "aws_caller_identity" "here" {}

locals {
  account = data.aws_caller_identity.here.account_id
}

# Recordings, pictures, exports. The nodes hand them out, so that who may see what is decided in one place.
resource "aws_s3_bucket" "objects" {
  #checkov:skip=CKV_AWS_144: what is lost with a region is in docs/deploy.md; a second region doubles the price of storage
  #checkov:skip=CKV2_AWS_62: nothing is to be told of new objects: the nodes put them there themselves
  bucket = "${var.name}-objects-${local.account}"
}

# A version that was removed or overwritten can be had again for as long as the database can go back.
resource "aws_s3_bucket_versioning" "objects" {
  bucket = aws_s3_bucket.objects.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "objects" {
  bucket     = aws_s3_bucket.objects.id
  depends_on = [aws_s3_bucket_versioning.objects]

  rule {
    id     = "removed"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.kept_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  # Seldom watched after a month: S3 moves what is not asked for to where it costs less.
  rule {
    id     = "recordings"
    status = "Enabled"

    filter {
      prefix = "recordings/"
    }

    transition {
      days          = 30
      storage_class = "INTELLIGENT_TIERING"
    }
  }

  rule {
    id     = "exports"
    status = "Enabled"

    filter {
      prefix = "exports/"
    }

    expiration {
      days = 30
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "objects" {
  bucket = aws_s3_bucket.objects.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "objects" {
  bucket                  = aws_s3_bucket.objects.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "objects" {
  bucket = aws_s3_bucket.objects.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsAlone"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.objects.arn, "${aws_s3_bucket.objects.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_logging" "objects" {
  bucket        = aws_s3_bucket.objects.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "objects/"
}

# Who asked for what: the balancers, CloudFront and S3 write here.
resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_144: access logs are not worth a second region
  #checkov:skip=CKV_AWS_145: the balancers write their logs with S3's own keys alone
  #checkov:skip=CKV_AWS_18: it is where such logs go
  #checkov:skip=CKV_AWS_21: a log is written once
  #checkov:skip=CKV2_AWS_62: nothing is to be told of new logs
  bucket = "${var.name}-logs-${local.account}"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  #checkov:skip=CKV2_AWS_65: CloudFront writes its logs by access lists
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerPreferred"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "old"
    status = "Enabled"
    filter {}

    expiration {
      days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Writers"
        Effect    = "Allow"
        Principal = { Service = ["delivery.logs.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com", "logging.s3.amazonaws.com"] }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.logs.arn}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "Writers may look"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = aws_s3_bucket.logs.arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

output "bucket" { value = aws_s3_bucket.objects.bucket }
output "arn" { value = aws_s3_bucket.objects.arn }
output "logs_bucket" { value = aws_s3_bucket.logs.bucket }
output "logs_domain" { value = aws_s3_bucket.logs.bucket_domain_name }
