import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, errnoOf, messageOf } from '../core/index.ts';
import { daemonReload, readUnits, type Host, type UnitState } from '../host/index.ts';
import { writeFileAtomic } from '../io/index.ts';
import { hasUnit, unitNameOf, type ServiceDefinition } from './service-definition.ts';
import type { AgentProblem } from './status.ts';
import { enableUnits, restartUnits, retireUnits, startUnits } from './systemctl.ts';
import { UNIT_MARK, unitFromDefinition, type InjectedValues } from './unit-from-definition.ts';

/** Stands for the digest of a unit's text that systemd has not taken yet: the next time it counts as changed again. */
const NOT_APPLIED = 'not applied';

export interface ReconcileRequest {
  readonly host: Host;
  /** Where units are written: /etc/systemd/system. */
  readonly directory: string;
  readonly definitions: readonly ServiceDefinition[];
  readonly values: InjectedValues;
  /** Digest of each unit's text when it was last started with it. */
  readonly applied: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Reconciled {
  /** Names of services: their units are ours and in place. */
  readonly managed: readonly string[];
  /** Those of them that systemd runs with the text that is wanted. */
  readonly current: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly applied: Readonly<Record<string, string>>;
  readonly problems: readonly AgentProblem[];
}

/**
 * Makes systemd's units what the definitions say: writes what differs, retires our units that no definition wants, starts
 * what does not run, restarts what changed. Touches no unit that somebody else wrote. What goes wrong is a problem in the
 * result, and the rest goes on.
 */
export async function reconcile(request: ReconcileRequest): Promise<Reconciled> {
  const { host, directory, signal } = request;
  const problems: AgentProblem[] = [];
  const attempt = async (about: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      problems.push({ about, message: messageOf(error) });
      return false;
    }
  };

  await mkdir(directory, { recursive: true });
  const present = await unitFiles(directory);
  const wanted = new Map(request.definitions.filter(hasUnit).map((definition) => [unitNameOf(definition), definition]));
  const states = await readUnits(host, [...wanted.keys()], { signal });

  const gone = [...present].filter(([unit, text]) => isOurs(text) && !wanted.has(unit)).map(([unit]) => unit);
  const removed: string[] = [];
  for (const unit of gone) {
    const done = await attempt(unit, async () => {
      await retireUnits(host, [unit], signal);
      await rm(join(directory, unit), { force: true });
    });
    if (done) removed.push(unit);
  }

  const managed: string[] = [];
  const changed: string[] = [];
  const applied: Record<string, string> = {};
  for (const [unit, definition] of wanted) {
    const stranger = strangerAt(unit, join(directory, unit), present.get(unit), states.get(unit));
    if (stranger !== undefined) {
      problems.push({ about: unit, message: stranger });
      continue;
    }
    const text = unitFromDefinition(definition, request.values);
    const differs = present.get(unit) !== text;
    if (differs && !(await attempt(unit, () => writeFileAtomic(join(directory, unit), text)))) continue;
    managed.push(unit);
    // A kill between writing and restarting must not be forgotten; that nothing is known of the unit means no restart.
    const before = request.applied[unit];
    if (differs || (before !== undefined && before !== digestOf(text))) changed.push(unit);
    applied[unit] = digestOf(text);
  }

  const reloaded = changed.length + removed.length === 0 || (await attempt('systemd', () => daemonReload(host, { signal })));
  const idle = managed.filter((unit) => !changed.includes(unit) && isIdle(states.get(unit)));
  const notEnabled = managed.filter((unit) => states.get(unit)?.enablement !== 'enabled');
  await attempt('systemd', () => enableUnits(host, notEnabled, signal));
  await attempt('systemd', () => startUnits(host, idle, signal));
  const restarted = reloaded && (await attempt('systemd', () => restartUnits(host, changed, signal)));
  if (!restarted) for (const unit of changed) applied[unit] = NOT_APPLIED;
  const current = managed.filter((unit) => applied[unit] !== NOT_APPLIED);
  return {
    managed: managed.map(nameOf),
    current: current.map(nameOf),
    changed: changed.map(nameOf),
    removed: removed.map(nameOf),
    applied,
    problems,
  };
}

function isIdle(state: UnitState | undefined): boolean {
  return state === undefined || ((state.active === 'inactive' || state.active === 'failed') && !state.queued);
}

function isOurs(text: string): boolean {
  return text.startsWith(UNIT_MARK);
}

function nameOf(unit: string): string {
  return unit.replace(/\.service$/, '');
}

/** Why a unit of this name is not ours to write; undefined when it is. */
function strangerAt(unit: string, path: string, text: string | undefined, state: UnitState | undefined): string | undefined {
  if (text !== undefined) return isOurs(text) ? undefined : `Cannot write "${path}": the file is not of the agent's making`;
  if (state === undefined || state.path === '' || state.path === path) return undefined;
  return `Cannot write "${path}": "${state.path}" has a unit named "${unit}" already`;
}

/** The .service files of a directory by name; a link (an alias, a masked unit) shows what it points at, which is not ours. */
async function unitFiles(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.service') && !entry.name.startsWith('.'));
  const texts = await Promise.all(files.map((file) => readText(join(directory, file.name))));
  return new Map(files.flatMap((file, index) => toEntry(file.name, texts[index])));
}

function toEntry(name: string, text: string | undefined): [string, string][] {
  return text === undefined ? [] : [[name, text]];
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
