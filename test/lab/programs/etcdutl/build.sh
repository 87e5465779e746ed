#!/usr/bin/env bash
# The tool of that etcd for its files. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" go.etcd.io/etcd/etcdutl/v3
