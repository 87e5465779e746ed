#!/usr/bin/env bash
# containerd, which runs the pods of a host. usage: build.sh OUTPUT
set -euo pipefail
go build -tags 'no_btrfs no_devmapper no_zfs' -trimpath -ldflags '-s -w' -o "$1" github.com/containerd/containerd/v2/cmd/containerd
