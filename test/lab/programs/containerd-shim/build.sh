#!/usr/bin/env bash
# What containerd starts beside each pod. usage: build.sh OUTPUT
set -euo pipefail
go build -tags 'no_btrfs no_devmapper no_zfs' -trimpath -ldflags '-s -w' -o "$1" github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
