#!/usr/bin/env bash
# metrics-server as one static program. usage: build.sh OUTPUT
set -euo pipefail
version=v0.9.0
go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version" \
  -o "$1" sigs.k8s.io/metrics-server/cmd/metrics-server
