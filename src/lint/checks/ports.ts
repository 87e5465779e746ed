import { AGENT_PORT } from '../../core/index.ts';
import type { ComponentManifest, LoadedDocument, PlatformManifest } from '../../manifests/index.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

interface OwnPort extends ComponentDocument {
  readonly index: number;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** The address as written, with the variables of the platform filled in; undefined for any address of the host. */
  readonly address: string | undefined;
}

/**
 * Ports that two components take which can be on one host: a mistake where one role lists both, a warning where a host of two
 * roles would have them. The port of the agent, which each host runs, is a mistake of its own.
 */
export function checkPorts(subject: LintSubject): readonly LintFinding[] {
  const ports = componentDocuments(subject).flatMap((component) => ownPorts(component, subject.manifests.platform));
  return ports.flatMap((own, index) => {
    const clashes = ports.slice(0, index).flatMap((other) => clashOf(own, other, subject));
    return [...agentClash(own), ...clashes];
  });
}

function ownPorts(component: ComponentDocument, platform: PlatformManifest): readonly OwnPort[] {
  return component.manifest.ports.map(({ port, protocol, address }, index) => ({
    ...component,
    index,
    port,
    protocol,
    address: address === undefined ? undefined : onlyAddress(address, platform),
  }));
}

/** The address on which alone a program listens; undefined where the text stands for all of them. */
function onlyAddress(text: string, { variables }: PlatformManifest): string | undefined {
  const filled = text.replaceAll(/\$\{var\.([^}]+)\}/g, (mark, name: string) => variables[name] ?? mark);
  return ['0.0.0.0', '::'].includes(filled) ? undefined : filled;
}

function agentClash(own: OwnPort): readonly LintFinding[] {
  const mine = own.address === undefined || own.address === '${node.address}';
  if (own.port !== AGENT_PORT || own.protocol !== 'tcp' || !mine) return [];
  return [at(own, 'error', `tcp port ${AGENT_PORT} is that of the agent, which every host runs`, 'let it listen on another port')];
}

function clashOf(own: OwnPort, other: OwnPort, { manifests }: LintSubject): readonly LintFinding[] {
  if (own.manifest === other.manifest || own.port !== other.port || own.protocol !== other.protocol) return [];
  if (!doMeet(own.address, other.address) || !canStandTogether(own.manifest, other.manifest)) return [];
  const roles = [...manifests.roles.values()];
  const names = [other.manifest.name, own.manifest.name];
  const shared = roles.find(({ components }) => names.every((name) => components.includes(name)));
  const [first, second] = names.map((name) => roles.find(({ components }) => components.includes(name))?.name);
  const place = placeOf(other.loaded, other.index);
  const reason = `${own.protocol} port ${own.port} is also that of "${other.manifest.name}" (${place})`;
  if (shared !== undefined) {
    const remedy = `let one of them listen on another port or address, or keep them apart: the role "${shared.name}" has both`;
    return [at(own, 'error', reason, remedy)];
  }
  if (first === undefined || second === undefined) return [];
  const remedy = `let one of them listen on another port or address, or let unless keep them apart: a host may have the roles "${first}" and "${second}"`;
  return [at(own, 'warning', reason, remedy)];
}

function doMeet(left: string | undefined, right: string | undefined): boolean {
  return left === undefined || right === undefined || left === right;
}

/** False where one stays away from hosts of the other, or where their `when` never holds in one cluster. */
function canStandTogether(left: ComponentManifest, right: ComponentManifest): boolean {
  if (left.unless.includes(right.name) || right.unless.includes(left.name)) return false;
  return Object.entries(left.when).every(([option, choices]) => {
    const others = right.when[option];
    return others === undefined || choices.some((choice) => others.includes(choice));
  });
}

function placeOf({ document }: LoadedDocument<unknown>, index: number): string {
  const { position } = document.problemAt(['ports', index], '');
  return position === undefined ? document.file : `${document.file}:${position.line}`;
}

function at({ loaded, index }: OwnPort, level: LintFinding['level'], reason: string, remedy: string): LintFinding {
  return findingAt(loaded, ['ports', index], { check: 'ports', level, reason, remedy });
}
