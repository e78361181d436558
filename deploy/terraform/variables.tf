variable "environment" {
  description = "Name of the environment; with it every name begins"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.environment))
    error_message = "Small letters, digits and hyphens: 2 to 21."
  }
}

variable "region" {
  description = "Region of everything but what CloudFront leans on"
  type        = string
}

variable "zones" {
  description = "Availability zones by name"
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 4
    error_message = "2 to 4."
  }
}

variable "cidr" {
  description = "Network of the VPC, a /16"
  type        = string
  default     = "10.40.0.0/16"
}

variable "domain" {
  description = "Hosted zone that is there already, as live.example: people come to it, and mails are sent from it"
  type        = string
}

variable "image" {
  description = "Image by digest, as 111122223333.dkr.ecr.eu-central-1.amazonaws.com/socialflow@sha256:…"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name it by digest, so that what runs is what was tested."
  }
}

variable "alarm_address" {
  description = "Mail address that alarms go to"
  type        = string
}

variable "database" {
  description = "Postgres"
  type = object({
    instance     = string
    storage_gb   = number
    most_gb      = number
    kept_days    = number
    is_protected = bool
  })
}

variable "cache" {
  description = "Redis"
  type        = object({ instance = string, replicas = number })
}

variable "edge" {
  description = "Nodes that serve pages, the API and sockets; viewers: sockets that one is to have"
  type        = object({ cpu = number, memory = number, min = number, max = number, viewers = number })
}

variable "media" {
  description = "Nodes that encoders publish to: each has a port of its own at the balancer, for UDP and TCP"
  type        = object({ cpu = number, memory = number, nodes = number })

  validation {
    condition     = var.media.nodes >= 1 && var.media.nodes <= 40
    error_message = "1 to 40: each takes a listener of the balancer, of which there are 50."
  }
}

variable "actors" {
  description = "Nodes that own rooms, streams and counters"
  type        = object({ cpu = number, memory = number, nodes = number })
}

variable "jobs" {
  description = "Processes that work jobs"
  type        = object({ cpu = number, memory = number, nodes = number })
}

variable "settings" {
  description = "Further settings by the names of docs/settings.md, the same on all nodes"
  type        = map(string)
  default     = {}
}
