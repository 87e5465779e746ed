import type { NodeSpec } from '../../cluster/index.ts';
import { WAY_SECONDS, type TriedWay } from '../ways.ts';
import { finding, type Finding, type ObservedHost } from './finding.ts';

/** Finds ways that are not open. Ways to the same host that fail for the same reason are one finding. */
export function checkWays({ node, ways }: ObservedHost): readonly Finding[] {
  const groups = new Map<string, TriedWay[]>();
  for (const way of ways.filter(({ outcome }) => outcome !== 'open')) {
    const key = `${way.to} ${causeOf(way)}`;
    groups.set(key, [...(groups.get(key) ?? []), way]);
  }
  return [...groups.values()].flatMap((group) => describeGroup(node, group));
}

function describeGroup({ name, address }: NodeSpec, group: readonly TriedWay[]): readonly Finding[] {
  const [first] = group;
  if (first === undefined) return [];
  const ports = [...new Set(group.map(({ port }) => port))].sort((left, right) => left - right);
  const where = `${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
  const services = [...new Set(group.map(({ service }) => service))].join(', ');
  return finding(
    `it cannot reach ${first.to} ${where} (${services}): ${causeOf(first)}`,
    `Let tcp ${where} pass from ${address} to ${first.address}: iptables, nftables or firewalld on ${name} and ${first.to}, or the firewall or security group between them. Where firewalld runs on ${first.to}: firewall-cmd --permanent ${ports.map((port) => `--add-port=${port}/tcp`).join(' ')} && firewall-cmd --reload`,
  );
}

function causeOf({ outcome, reason }: TriedWay): string {
  if (outcome === 'silent') return `nothing came back within ${WAY_SECONDS} s, so a filter drops it`;
  return `the answer was "${reason}", so a filter rejects it or no route leads there`;
}
