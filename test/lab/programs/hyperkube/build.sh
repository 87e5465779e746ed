#!/usr/bin/env bash
# Kubernetes 1.20.2 as one static program, from Debian's source package. usage: build.sh OUTPUT, with DEBIAN_MIRROR set
set -euo pipefail
output=$1
work=$(mktemp -d -p "$PWD")
archive=kubernetes_1.20.5+really1.20.2.orig.tar.gz
sha256=b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc
curl -fsS --retry 5 --retry-delay 2 -o "$work/$archive" "$DEBIAN_MIRROR/pool/main/k/kubernetes/$archive"
echo "$sha256  $work/$archive" | sha256sum --check --quiet

export GOPATH=$work/go
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$tree/cmd/hyperkube"
tar -xzf "$work/$archive" -C "$tree" --strip-components=1
cp main.go "$tree/cmd/hyperkube/"

# reflect2 1.0.1 (2018) reaches into the runtime of Go in a way that Go 1.18 ended; 1.0.2 mends that.
mkdir "$work/fix"
(cd "$work/fix" && go mod init fix && go mod edit -require=github.com/modern-go/reflect2@v1.0.2) 2>/dev/null
fix=$(cd "$work/fix" && go mod download -json github.com/modern-go/reflect2@v1.0.2 | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
vendored=$tree/vendor/github.com/modern-go/reflect2
rm -rf "$vendored"
cp -r "$fix" "$vendored"
rm -f "$vendored"/*_test.go

# A current Go does not take the go.mod of the tree with -mod=vendor, so it is built as GOPATH had it. One generated file is not
# in the archive; the tree's own generator makes it.
export GO111MODULE=off GOFLAGS=-buildvcs=false
cd "$tree"
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
directories=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src/k8s.io cmd | grep -v -E '/(sample-|_examples|code-generator)' |
  xargs -n1 dirname | sort -u | sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; s#^pkg#k8s.io/kubernetes/pkg#' | paste -sd,)
"$work/openapi-gen" -i "$directories" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations"
version=k8s.io/kubernetes/vendor/k8s.io/component-base/version
go build -tags providerless -trimpath -ldflags "-s -w -X $version.gitVersion=v1.20.2 -X $version.gitMajor=1 -X $version.gitMinor=20" \
  -o "$output" ./cmd/hyperkube
