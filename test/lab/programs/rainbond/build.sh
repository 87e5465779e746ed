#!/usr/bin/env bash
# Stands in for the platform's own programs. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" .
