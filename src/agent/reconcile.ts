import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, errnoOf, messageOf } from '../core/index.ts';
import { daemonReload, readUnits, type Host, type UnitState } from '../host/index.ts';
import { writeFileAtomic } from '../io/index.ts';
import { hasUnit, unitNameOf, type ServiceDefinition } from './service-definition.ts';
import type { AgentProblem } from './status.ts';
import { enableUnits, restartUnits, retireUnits, startUnits } from './systemctl.ts';
import { UNIT_MARK, unitFromDefinition, type InjectedValues } from './unit-from-definition.ts';

/** Stored instead of the digest of a unit that systemd has not restarted yet, so that the next run treats it as changed. */
const NOT_APPLIED = 'not applied';

export interface ReconcileRequest {
  readonly host: Host;
  /** Directory that units are written to, such as /etc/systemd/system. */
  readonly directory: string;
  readonly definitions: readonly ServiceDefinition[];
  readonly values: InjectedValues;
  /** Digest of the text that each unit was last started with, by name of the unit. */
  readonly applied: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Reconciled {
  /** Names of the services whose units are written. */
  readonly managed: readonly string[];
  /** Names of those services that systemd runs with the wanted text. */
  readonly current: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly applied: Readonly<Record<string, string>>;
  readonly problems: readonly AgentProblem[];
}

/**
 * Makes the units of systemd match the definitions: writes units whose text differs, retires units of the agent without
 * a definition, starts units that do not run, and restarts changed ones. Does not touch units that the agent did not
 * write. A failure becomes a problem in the result, and the other units are still processed.
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
    // When an earlier run was killed between write and restart, the stored digest differs, so the unit is restarted
    // now. A unit without a stored digest is not restarted.
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

/** Returns the reason why the agent must not write this unit, or undefined when it may. */
function strangerAt(unit: string, path: string, text: string | undefined, state: UnitState | undefined): string | undefined {
  if (text !== undefined) return isOurs(text) ? undefined : `Cannot write "${path}": the file is not of the agent's making`;
  if (state === undefined || state.path === '' || state.path === path) return undefined;
  return `Cannot write "${path}": "${state.path}" has a unit named "${unit}" already`;
}

/**
 * Reads the .service files of a directory, by name. Links (aliases, masked units) are followed and show the text of
 * their target, which the agent did not write.
 */
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
