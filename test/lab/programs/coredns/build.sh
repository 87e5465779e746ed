#!/usr/bin/env bash
# CoreDNS, for the names of Kubernetes' services. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" github.com/coredns/coredns
