import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, errnoOf, messageOf } from '../core/index.ts';
import { daemonReload, forgetFailures, isIdle, readUnits, type Host, type UnitState } from '../host/index.ts';
import { writeFileAtomic } from '../io/index.ts';
import { hasUnit, unitNameOf, type ServiceDefinition } from './service-definition.ts';
import { NOT_APPLIED } from './state-file.ts';
import type { AgentProblem } from './status.ts';
import { enableUnits, restartUnits, retireUnits, startUnits } from './systemctl.ts';
import { UNIT_MARK, unitFromDefinition, type InjectedValues } from './unit-from-definition.ts';

export interface ReconcileRequest {
  readonly host: Host;
  /** Directory that units are written to, such as /etc/systemd/system. */
  readonly directory: string;
  readonly definitions: readonly ServiceDefinition[];
  readonly values: InjectedValues;
  /**
   * Digest of the text that each unit was last started with, by name of the unit. The files of these units are the agent's,
   * whatever was done to them since.
   */
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
 * write; those that it wrote and that were changed or removed by hand are written again, or retired. A failure becomes a
 * problem in the result, and the other units are still processed.
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
  const isRemembered = (unit: string): boolean => request.applied[unit] !== undefined;
  const known = Object.keys(request.applied);
  const states = await readUnits(host, [...new Set([...wanted.keys(), ...known])], { signal });
  const strangerOf = (unit: string): string | undefined =>
    strangerAt(unit, join(directory, unit), { file: present.get(unit), isRemembered: isRemembered(unit), state: states.get(unit) });

  const marked = [...present].filter(([, { text }]) => isMarked(text)).map(([unit]) => unit);
  const gone = [...new Set([...marked, ...known])].filter((unit) => !wanted.has(unit) && strangerOf(unit) === undefined);
  const removed: string[] = [];
  const applied: Record<string, string> = {};
  for (const unit of gone) {
    const path = join(directory, unit);
    const done = await attempt(unit, async () => {
      // systemctl refuses to disable a unit whose file was removed by hand, and its service still runs.
      if (!present.has(unit)) await writeFileAtomic(path, `${UNIT_MARK}\n`);
      await retireUnits(host, [unit], signal);
      await rm(path, { force: true });
    });
    if (done) removed.push(unit);
    else applied[unit] = NOT_APPLIED;
  }

  const managed: string[] = [];
  const changed: string[] = [];
  for (const [unit, definition] of wanted) {
    const stranger = strangerOf(unit);
    if (stranger !== undefined) {
      problems.push({ about: unit, message: stranger });
      continue;
    }
    const text = unitFromDefinition(definition, request.values);
    const differs = present.get(unit)?.text !== text;
    if (differs && !(await attempt(unit, () => writeFileAtomic(join(directory, unit), text)))) continue;
    managed.push(unit);
    // When an earlier run was killed between write and restart, the stored digest differs, so the unit is restarted
    // now. A unit without a stored digest is not restarted.
    const before = request.applied[unit];
    if (differs || (before !== undefined && before !== digestOf(text))) changed.push(unit);
    applied[unit] = digestOf(text);
  }

  const reloaded = changed.length + removed.length === 0 || (await attempt('systemd', () => daemonReload(host, { signal })));
  await attempt('systemd', () => forgetFailures(host, removed, { signal }));
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

function isMarked(text: string): boolean {
  return text.startsWith(UNIT_MARK);
}

function nameOf(unit: string): string {
  return unit.replace(/\.service$/, '');
}

/** A .service file of the directory of units. */
interface UnitFile {
  readonly text: string;
  /** True for an alias and for a masked unit; the text is that of the target. */
  readonly isLink: boolean;
}

interface PresentUnit {
  readonly file: UnitFile | undefined;
  /** True when the agent wrote the file and has not retired the unit since. */
  readonly isRemembered: boolean;
  readonly state: UnitState | undefined;
}

/** Returns the reason why the agent must not write or remove this unit, or undefined when it may. */
function strangerAt(unit: string, path: string, { file, isRemembered, state }: PresentUnit): string | undefined {
  if (file !== undefined)
    return !file.isLink && (isRemembered || isMarked(file.text))
      ? undefined
      : `Cannot write "${path}": the file is not of the agent's making`;
  if (state === undefined || state.path === '' || state.path === path) return undefined;
  return `Cannot write "${path}": "${state.path}" has a unit named "${unit}" already`;
}

/** Reads the .service files of a directory, by name. Links to nothing are left out. */
async function unitFiles(directory: string): Promise<ReadonlyMap<string, UnitFile>> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.service') && !entry.name.startsWith('.'));
  const texts = await Promise.all(files.map((file) => readText(join(directory, file.name))));
  return new Map(
    files.flatMap((file, index): [string, UnitFile][] => {
      const text = texts[index];
      return text === undefined ? [] : [[file.name, { text, isLink: file.isSymbolicLink() }]];
    }),
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
