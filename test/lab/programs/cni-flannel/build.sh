#!/usr/bin/env bash
# The plug-in "flannel" of CNI, which Debian's containernetworking-plugins lacks. usage: build.sh OUTPUT
set -euo pipefail
go build -mod=mod -trimpath -ldflags '-s -w' -o "$1" github.com/containernetworking/plugins/plugins/meta/flannel
