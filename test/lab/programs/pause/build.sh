#!/usr/bin/env bash
# The program that holds the namespaces of a pod. usage: build.sh OUTPUT
set -euo pipefail
go build -trimpath -ldflags '-s -w' -o "$1" .
