terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }

  # Bucket, key and region come from -backend-config: the state holds passwords, so the bucket is to be encrypted and
  # closed to all but those who apply.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = "socialflow", environment = var.environment }
  }
}

# What CloudFront leans on (certificate, firewall) lives there.
provider "aws" {
  alias  = "global"
  region = "us-east-1"

  default_tags {
    tags = { project = "socialflow", environment = var.environment }
  }
}
