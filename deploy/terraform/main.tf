locals {
  name  = "socialflow-${var.environment}"
  ports = { http = 8080, inside = 8081, rtmp = 1935, webrtc = 8189 }
}

module "keys" {
  source = "./modules/keys"
  name   = local.name
  region = var.region
}

module "network" {
  source  = "./modules/network"
  name    = local.name
  cidr    = var.cidr
  zones   = var.zones
  key_arn = module.keys.arn
}

module "names" {
  source          = "./modules/names"
  domain          = var.domain
  distribution    = module.cdn.address
  mails           = module.mail.records
  publishing_name = module.balancing.publishing_name
  publishing_zone = module.balancing.publishing_zone
  origin_name     = module.balancing.origin_name
  origin_zone     = module.balancing.origin_zone

  providers = { aws = aws, aws.global = aws.global }
}

module "objects" {
  source    = "./modules/objects"
  name      = local.name
  key_arn   = module.keys.arn
  kept_days = var.database.kept_days
}

module "database" {
  source       = "./modules/database"
  name         = local.name
  network      = module.network
  callers      = [module.nodes.security_group]
  key_arn      = module.keys.arn
  instance     = var.database.instance
  storage_gb   = var.database.storage_gb
  most_gb      = var.database.most_gb
  kept_days    = var.database.kept_days
  is_protected = var.database.is_protected
}

module "cache" {
  source   = "./modules/cache"
  name     = local.name
  network  = module.network
  callers  = [module.nodes.security_group]
  key_arn  = module.keys.arn
  instance = var.cache.instance
  replicas = var.cache.replicas
}

module "mail" {
  source = "./modules/mail"
  name   = local.name
  domain = var.domain
  region = var.region
}

resource "random_password" "sealing" {
  length  = 48
  special = false
}

module "secrets" {
  source  = "./modules/secrets"
  name    = local.name
  key_arn = module.keys.arn
  secrets = {
    SOCIALFLOW_DATABASE_URL  = module.database.url
    SOCIALFLOW_REDIS_URL     = module.cache.url
    SOCIALFLOW_SECRETS_KEY   = random_password.sealing.result
    SOCIALFLOW_SMTP_PASSWORD = module.mail.password
  }
}

module "balancing" {
  source      = "./modules/balancing"
  name        = local.name
  network     = module.network
  ports       = local.ports
  media_nodes = var.media.nodes
  certificate = module.names.certificate
  logs_bucket = module.objects.logs_bucket
}

module "nodes" {
  source      = "./modules/nodes"
  name        = local.name
  region      = var.region
  network     = module.network
  ports       = local.ports
  image       = var.image
  key_arn     = module.keys.arn
  secret_arns = module.secrets.arns
  bucket_arn  = module.objects.arn
  balancing   = module.balancing
  edge        = var.edge
  media       = var.media
  actors      = var.actors
  jobs        = var.jobs

  environment = merge(
    { for name, value in var.settings : "SOCIALFLOW_${upper(name)}" => value },
    {
      AWS_REGION                 = var.region
      SOCIALFLOW_CLUSTER_NAME    = local.name
      SOCIALFLOW_OBJECT_STORE    = "s3://${module.objects.bucket}"
      SOCIALFLOW_PUBLIC_URL      = "https://${var.domain}"
      SOCIALFLOW_SMTP_URL        = module.mail.url
      SOCIALFLOW_MAIL_FROM       = "no-reply@${var.domain}"
      SOCIALFLOW_TRUSTED_PROXIES = var.cidr
    },
  )
}

module "firewall" {
  source = "./modules/firewall"
  name   = local.name

  providers = { aws = aws.global }
}

module "cdn" {
  source      = "./modules/cdn"
  name        = local.name
  domain      = var.domain
  origin      = module.names.origin
  certificate = module.names.global_certificate
  firewall    = module.firewall.arn
  logs_bucket = module.objects.logs_domain
}

module "alarms" {
  source        = "./modules/alarms"
  name          = local.name
  address       = var.alarm_address
  key_arn       = module.keys.arn
  database      = module.database.id
  cache         = module.cache.id
  cluster       = module.nodes.cluster
  services      = module.nodes.services
  balancer      = module.balancing.origin_suffix
  target_group  = module.balancing.edge_suffix
  free_at_least = var.database.storage_gb * 0.15
}

module "backups" {
  source    = "./modules/backups"
  name      = local.name
  key_arn   = module.keys.arn
  kept_days = var.database.kept_days
  sources   = [module.database.arn, module.objects.arn]
}
