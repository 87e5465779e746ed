#!/usr/bin/env bash
# Kubernetes 1.35.4, the release that upgrades to the shipped one start from, with main.go of ../kubernetes. usage: build.sh OUTPUT
set -euo pipefail
version=v1.35.4
go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 \
  -X k8s.io/component-base/version.gitMinor=35 -X k8s.io/client-go/pkg/version.gitVersion=$version" -o "$1" .
