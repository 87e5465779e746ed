#!/usr/bin/env bash
# Kubernetes 1.36.3 as one static program. usage: build.sh OUTPUT
set -euo pipefail
version=v1.36.3
go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 \
  -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/client-go/pkg/version.gitVersion=$version" -o "$1" .
