import { debianManifest } from '../support/debian-manifest.ts';

/** A small platform: docker everywhere, a store on the first manager, an agent of it on the others, a web server that needs it. */
export const SAMPLE: Readonly<Record<string, string>> = {
  'platform.yaml': `apiVersion: caisson/v1
kind: Platform
name: sample
version: "1.2"
variables: { root: /opt/sample, conf: "\${var.root}/conf", registry: registry.example }
definitionsDirectory: "\${var.conf}"
registry: { name: "\${var.registry}", component: store, entry: web }
hostNames:
  - { names: ["\${var.registry}", www.example], component: web }
`,
  'roles/manage.yaml': `apiVersion: caisson/v1
kind: Role
name: manage
summary: Runs the store
components: [docker, store, web]
requires: { cpus: 2, memory: 4GB, disk: 40GB }
minimum: 1
maximum: 3
packageSets: [base]
`,
  'roles/compute.yaml': `apiVersion: caisson/v1
kind: Role
name: compute
summary: Runs applications
components: [docker, store-proxy]
`,
  'components/docker/component.yaml': `apiVersion: caisson/v1
kind: Component
name: docker
summary: The engine
packageSets: [docker]
services:
  - { name: docker, unit: docker.service, health: { model: cmd, address: docker info } }
`,
  'components/store/component.yaml': `apiVersion: caisson/v1
kind: Component
name: store
summary: Keeps state
needs: [docker]
ports: [{ port: 2379 }]
secrets: [{ name: store-root }]
values:
  members: { each: store, as: "\${each.name}=https://\${each.urlAddress}:2380/\${each.index}" }
files: [{ path: "\${var.root}/store.conf", mode: "0600", template: store.conf }]
services:
  - name: store
    container: { image: "registry.example/store:1", mounts: ["\${var.root}/data:/data"], arguments: ["--members=\${value.members}"] }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
  'components/store/store.conf':
    'name=${node.name} (${component.index} of ${component.count})\npassword=${secret.store-root}\nprice=5$ $${HOME}\n',
  'components/store-proxy/component.yaml': `apiVersion: caisson/v1
kind: Component
name: store-proxy
summary: Leads to the store
needs: [docker, store]
unless: [store]
services:
  - name: store-proxy
    container: { image: "registry.example/store:1", arguments: ["\${first.store.address}"] }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
  'components/web/component.yaml': `apiVersion: caisson/v1
kind: Component
name: web
summary: Serves pages
placement: one
needs: [store]
services:
  - name: web
    container: { image: "registry.example/web:1" }
    health: { model: http, address: "http://127.0.0.1/" }
`,
  ...debianManifest({ base: ['iproute2'], docker: ['docker.io', 'iptables'] }),
};

export const SAMPLE_CLUSTER = `apiVersion: caisson/v1
kind: Cluster
name: prod
nodes:
  - { name: m1, address: 10.0.0.11, roles: [manage, compute] }
  - { name: m2, address: fd00::12, roles: [manage] }
  - { name: c1, address: 10.0.0.21, roles: [compute] }
`;
