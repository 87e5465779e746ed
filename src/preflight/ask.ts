import type { NodeSpec } from '../cluster/index.ts';
import type { Clock } from '../core/index.ts';
import { gatherFacts, type Host, type HostFacts } from '../host/index.ts';
import type { SiteTools } from '../resources/index.ts';
import { seedLayout } from '../site/index.ts';
import type { HostFinding } from './findings.ts';
import { readHostState, type HostPlaces, type HostState } from './host-state.ts';
import { checkedPaths, imagesOf } from './judge/disk.ts';
import type { ObservedHost } from './judge/finding.ts';
import { systemOf } from './judge/system.ts';
import { askInTime, type Question } from './question.ts';
import { measureWrites, syncedDirectoriesOf, type MeasuredWrites, type SyncedDirectory } from './writes.ts';
import { secondsFor, tryWays, waysFrom, type TriedWay, type Way, type WayEnds } from './ways.ts';

export interface HostToAsk {
  readonly host: Host;
  readonly node: NodeSpec;
  /** False for a seed that is not a node of the cluster. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

export interface AskOptions {
  readonly tools: SiteTools;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** True when each host is asked which images it has of its components. */
  readonly asksImages?: boolean;
}

/** The answers of one host. `observed` is undefined when facts or state are missing, which every check reads. */
export interface AskedHost {
  readonly observed?: ObservedHost;
  readonly findings: readonly HostFinding[];
}

/**
 * Asks one host every question whose answer the checks need. Each question has its own time limit; one that fails becomes
 * a finding. Changes nothing.
 */
export async function askHost(target: HostToAsk, ends: WayEnds, options: AskOptions): Promise<AskedHost> {
  const { host, node, isNode, isSeed } = target;
  const { signal } = options;
  const facts = await askInTime(host, factsQuestion(options), signal);
  if ('finding' in facts) return { findings: [facts.finding] };
  const { definitionsDirectory: definitions, command } = ends.topology.platform;
  const modules = [...new Set(isNode ? ends.topology.componentsOf(node.name).flatMap((component) => component.modules) : [])];
  const tools = options.tools.on(systemOf(ends.topology, facts.answer)?.packages);
  const places = { definitions, command, modules, bundles: seedLayout().bundles, tools };
  const state = await askInTime(host, stateQuestion(places, options), signal);
  if ('finding' in state) return { findings: [state.finding] };
  const ways = await askInTime(host, waysQuestion(waysFrom(node, state.answer.components, ends), options), signal);
  const asksImages = options.asksImages === true && state.answer.components.size > 0 && !state.answer.engineFrozen;
  const images = asksImages ? await askInTime(host, imagesQuestion(imagesOf(ends.topology, node.name), options), signal) : undefined;
  if (images !== undefined && 'finding' in images) return { findings: [images.finding] };
  const synced = isNode ? syncedDirectoriesOf(ends.topology, node, state.answer.components) : [];
  const writes = synced.length === 0 ? { answer: [] } : await askInTime(host, writesQuestion(synced, options), signal);
  if ('finding' in writes) return { findings: [writes.finding] };
  const observed = { node, facts: facts.answer, state: state.answer, images: images?.answer, writes: writes.answer, isNode, isSeed };
  return 'finding' in ways
    ? { observed: { ...observed, ways: [] }, findings: [ways.finding] }
    : { observed: { ...observed, ways: ways.answer }, findings: [] };
}

function factsQuestion({ tools, clock, signal }: AskOptions): Question<HostFacts> {
  return {
    subject: 'what it is (file systems, ports, systemd)',
    seconds: 30,
    remedy: 'Find out on the host what hangs: df (a network file system that is gone), ss, systemctl is-system-running',
    ask: (host) => gatherFacts(host, { clock, paths: checkedPaths(tools), signal }),
  };
}

function stateQuestion(places: HostPlaces, { signal }: AskOptions): Question<HostState> {
  const { engine, packages } = places.tools;
  const commands = [
    ...(engine === undefined ? [] : [`systemctl is-active ${engine.unit}`]),
    packages.probe.list,
    ...(engine === undefined ? [] : [engine.probe.list]),
  ];
  return {
    subject: 'what is installed on it (units, packages, containers)',
    seconds: 45,
    remedy: `Find out on the host what hangs: ${commands.join(', ')}`,
    ask: (host) => readHostState(host, places, signal),
  };
}

function imagesQuestion(names: readonly string[], { tools: { engine }, signal }: AskOptions): Question<ReadonlyMap<string, string>> {
  return {
    subject: 'which images it has',
    seconds: 45,
    remedy: `Find out on the host what hangs: ${engine?.probe.looks ?? 'systemctl'}`,
    ask: async (host) => (await engine?.images(host, names, signal)) ?? new Map(),
  };
}

function writesQuestion(directories: readonly SyncedDirectory[], { signal }: AskOptions): Question<readonly MeasuredWrites[]> {
  return {
    subject: 'how fast it writes to its disk',
    seconds: 60,
    remedy: 'Find out on the host what hangs: iostat, dmesg; a disk that fails, or a file system that is full or read-only',
    ask: (host) => measureWrites(host, directories, signal),
  };
}

function waysQuestion(ways: readonly Way[], { signal }: AskOptions): Question<readonly TriedWay[]> {
  return {
    subject: 'which ports of other hosts it reaches',
    seconds: secondsFor(ways),
    remedy: 'Try one on the host: timeout 5 bash -c "exec 3<>/dev/tcp/ADDRESS/PORT"',
    ask: (host) => tryWays(host, ways, signal),
  };
}
