#!/usr/bin/env bash
# etcd of a release that current Kubernetes asks for. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" go.etcd.io/etcd/server/v3
