#!/usr/bin/env bash
# flanneld: the main program beside this file over flannel's own packages. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" .
