environment   = "staging"
region        = "eu-central-1"
zones         = ["eu-central-1a", "eu-central-1b"]
domain        = "staging.live.example"
image         = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/socialflow@sha256:0000000000000000000000000000000000000000000000000000000000000000"
alarm_address = "operations@live.example"

database = { instance = "db.t4g.medium", storage_gb = 50, most_gb = 200, kept_days = 7, is_protected = false }
cache    = { instance = "cache.t4g.small", replicas = 1 }

edge   = { cpu = 1024, memory = 2048, min = 2, max = 4, viewers = 4000 }
media  = { cpu = 2048, memory = 4096, nodes = 2 }
actors = { cpu = 1024, memory = 2048, nodes = 2 }
jobs   = { cpu = 512, memory = 1024, nodes = 1 }

settings = { server_name = "Live (staging)" }
