#!/usr/bin/env bash
# The client of that etcd. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" go.etcd.io/etcd/etcdctl/v3
