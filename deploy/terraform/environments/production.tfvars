environment   = "production"
region        = "eu-central-1"
zones         = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
domain        = "live.example"
image         = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/socialflow@sha256:0000000000000000000000000000000000000000000000000000000000000000"
alarm_address = "operations@live.example"

database = { instance = "db.r7g.xlarge", storage_gb = 500, most_gb = 4000, kept_days = 30, is_protected = true }
cache    = { instance = "cache.r7g.large", replicas = 2 }

edge   = { cpu = 2048, memory = 4096, min = 3, max = 40, viewers = 8000 }
media  = { cpu = 4096, memory = 8192, nodes = 6 }
actors = { cpu = 2048, memory = 4096, nodes = 3 }
jobs   = { cpu = 1024, memory = 2048, nodes = 2 }

settings = {
  server_name            = "Live"
  require_verified_email = "true"
  max_sockets            = "20000"
}
