#!/usr/bin/env bash
# What the tests and the quickstart need on a Debian or Ubuntu machine, as root: Node packages and the Debian packages
# of the tools that are asked as authorities. Does nothing that is done already.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  ca-certificates curl xz-utils bzip2 zstd lz4
  dnf python3-dnf rpm python3-rpm createrepo-c
  dpkg-dev gnupg gpgv libarchive-tools busybox openssh-client openssh-server sudo openssl
  docker.io docker-registry skopeo containerd podman umoci mmdebstrap iptables iproute2 prometheus
  zsh fish man-db mandoc
)
# The lab fetches Go by pip where the machine has none.
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if ((${#missing[@]})); then
  [ "$(id -u)" = 0 ] || { echo "these Debian packages are missing and only root can install them: ${missing[*]}" >&2; exit 1; }
  echo "installing ${missing[*]}" >&2
  apt-get update -qq
  # The packages' own services stay down: the tests start what they need on their own ports. systemd asks policy-rc.d.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
  fi
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-fund --no-audit
fi
