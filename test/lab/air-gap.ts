import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Lab } from './hosts.ts';
import type { AptMirror } from './prerequisites.ts';
import { listeners } from './sockets.ts';

/** One thing outside that a host of an air gap must not reach. */
export interface Target {
  readonly kind: 'tcp' | 'udp' | 'name';
  readonly host: string;
  /** 0 for a name that is only looked up. */
  readonly port: number;
  /** What lies there, for the report. */
  readonly what: string;
}

export interface Reached {
  readonly node: string;
  readonly target: Target;
}

export interface AirGapProof {
  readonly tried: readonly Target[];
  /** Must be empty: what answered to which node. */
  readonly reached: readonly Reached[];
  /** Those of the TCP targets that this machine itself reached: without any, an empty `reached` would prove little. */
  readonly answering: readonly Target[];
}

export interface AirGapOptions {
  /** The package mirror of this machine: the part of the internet that is known to answer here. */
  readonly mirror: AptMirror;
}

const PUBLIC: readonly Target[] = [
  { kind: 'tcp', host: '1.1.1.1', port: 443, what: 'a public address' },
  { kind: 'tcp', host: '8.8.8.8', port: 53, what: 'a public name server' },
  { kind: 'tcp', host: '2606:4700:4700::1111', port: 443, what: 'a public IPv6 address' },
  { kind: 'udp', host: '8.8.8.8', port: 53, what: 'a route to a public name server' },
  { kind: 'tcp', host: 'registry-1.docker.io', port: 443, what: 'the public image registry' },
  { kind: 'name', host: 'ftp.debian.org', port: 0, what: 'a public name' },
];

/** The addresses of this machine that are neither loopback nor link-local. */
function outerAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && !address.address.startsWith('fe80:'))
    .map((address) => address.address);
}

async function mirrorTargets(mirror: AptMirror): Promise<Target[]> {
  const { hostname, port, protocol } = new URL(mirror.main);
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const addresses = await lookup(hostname, { all: true }).catch(() => []);
  return [
    { kind: 'name', host: hostname, port: 0, what: 'the name of the package mirror' },
    ...addresses.map(({ address }): Target => ({ kind: 'tcp', host: address, port: number, what: 'the package mirror' })),
  ];
}

/** Every port at which this machine listens beyond loopback, and the ports of loopback too: an address too wide would show here. */
function outerTargets(gateway: string): Target[] {
  const ports = [...new Set(listeners().map((listener) => listener.port))].sort((left, right) => left - right).slice(0, 100);
  const addresses = [...new Set([gateway, ...outerAddresses()])];
  return addresses.flatMap((host) => ports.map((port): Target => ({ kind: 'tcp', host, port, what: 'the outer machine' })));
}

/** Run by bash inside a node. Reads "number kind host port" lines; writes the numbers of what answered. */
const PROBE = `
own=" $(ip -o addr show | awk '{ sub("/.*", "", $4); print $4 }' | tr '\\n' ' ') "
try() {
  case "$2" in
    # An address that this node has itself, such as that of its own Docker bridge, says nothing about the outer machine.
    tcp) case "$own" in *" $3 "*) return ;; esac; timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$3" "$4" ;;
    udp) timeout 3 bash -c 'exec 3<>"/dev/udp/$0/$1"' "$3" "$4" ;;
    name) timeout 5 getent hosts "$3" >/dev/null ;;
  esac && echo "$1"
}
while read -r number kind host port; do try "$number" "$kind" "$host" "$port" & done 2>/dev/null
wait
`;

/**
 * Tries from inside every node to reach the world: public addresses and names, this machine's package mirror, and this machine's own
 * addresses at every port where anything listens (the lab's upstream registry is among them, should it ever listen beyond loopback).
 */
export async function proveAirGap(lab: Lab, options: AirGapOptions): Promise<AirGapProof> {
  const tried = [...PUBLIC, ...(await mirrorTargets(options.mirror)), ...outerTargets(lab.gateway)];
  const input = tried.map((target, index) => `${index} ${target.kind} ${target.host} ${target.port}\n`).join('');
  const answers = await Promise.all(
    lab.nodes.map(async (node) => {
      const result = await lab.exec(node.name, ['bash', '-c', PROBE], { input, timeout: 60_000 });
      return numbers(result.stdout).flatMap((index): Reached[] => {
        const target = tried[index];
        return target === undefined ? [] : [{ node: node.name, target }];
      });
    }),
  );
  const answering = await Promise.all(tried.map((target) => answersHere(target)));
  return { tried, reached: answers.flat(), answering: tried.filter((_, index) => answering[index]) };
}

function numbers(text: string): number[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

async function answersHere(target: Target): Promise<boolean> {
  if (target.kind !== 'tcp') return false;
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(3000, () => finish(false));
    socket.on('connect', () => finish(true));
    socket.on('error', () => finish(false));
  });
}
