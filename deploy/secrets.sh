#!/bin/sh
# Secrets for docker-compose.yml, each from 192 random bits: sh deploy/secrets.sh > .env
set -eu
umask 077
for name in POSTGRES_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY TURN_SECRET GRAFANA_PASSWORD; do
    printf '%s=%s\n' "$name" "$(head -c 24 /dev/urandom | od -An -vtx1 | tr -d ' \n')"
done
