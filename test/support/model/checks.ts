import { basename, dirname } from 'node:path';
import { expect } from 'vitest';
import { isMaking } from '../../../src/plan/index.ts';
import {
  AGENT_UNIT,
  DEPOT_UNIT,
  RENEWAL_TIMER,
  RENEWAL_UNIT,
  HOST_RECORD,
  UNITS,
  type OwnedResource,
  type SiteRecord,
} from '../../../src/site/index.ts';
import type { PlannedRun } from '../../../src/usecases/planned-run.ts';
import type { SimulatedMachine } from '../simulated-machine.ts';
import type { ModelRun, ModelSite } from './site.ts';

/** Names of all things on a machine that the record has to list, each with its kind. */
export function inventory(machine: SimulatedMachine): ReadonlySet<string> {
  return new Set([
    ...[...machine.files.keys()].map((path) => `file ${path}`),
    ...[...machine.directories.keys()].map((path) => `directory ${path}`),
    ...[...machine.links.keys()].map((path) => `link ${path}`),
    ...[...machine.units.keys()].map((name) => `unit ${name}`),
    ...[...machine.packages.keys()].map((name) => `package ${name}`),
    ...[...machine.images.keys()].map((name) => `image ${name}`),
    ...[...machine.modules].map((name) => `module ${name}`),
  ]);
}

/** State of a machine in comparable form: contents and modes, without times. */
export function snapshot(machine: SimulatedMachine): Readonly<Record<string, unknown>> {
  return {
    ...Object.fromEntries(
      [...machine.files].map(([path, { content, mode, owner }]) => [`file ${path}`, `${mode} ${owner} ${content.toString()}`]),
    ),
    ...Object.fromEntries([...machine.directories].map(([path, { mode, owner }]) => [`directory ${path}`, `${mode} ${owner}`])),
    ...Object.fromEntries(
      [...machine.units].map(([name, { enabled, started }]) => [`unit ${name}`, `${enabled} ${started !== undefined}`]),
    ),
    ...Object.fromEntries([...machine.packages].map(([name, version]) => [`package ${name}`, version])),
    ...Object.fromEntries([...machine.images].map(([name, id]) => [`image ${name}`, id])),
    ...Object.fromEntries([...machine.sysctls].map(([name, value]) => [`sysctl ${name}`, value])),
    ...Object.fromEntries([...machine.modules].map((name) => [`module ${name}`, 'loaded'])),
  };
}

/** Checks that the steps of the plan are the steps that ran. */
export function expectShownIsRun({ planned, events }: ModelRun): void {
  const ran = events.flatMap((event) => (event.type === 'step.finished' && event.outcome !== 'failed' ? [event.step] : []));
  expect(ran.sort(), 'steps that ran').toEqual((planned?.plan.steps ?? []).map(({ id }) => id).sort());
}

/** Units of Caisson itself, whose restart ends nothing of the cluster. */
const OWN_UNITS: readonly string[] = [AGENT_UNIT, DEPOT_UNIT, RENEWAL_TIMER];

/** Checks that each restart was announced by the plan. */
export function expectRestartsAnnounced({ planned }: ModelRun, machines: readonly SimulatedMachine[]): void {
  const steps = planned?.plan.steps ?? [];
  for (const { name, restarted } of machines) {
    const announced = new Set(steps.flatMap((step) => (step.type === 'make' && step.host === name ? step.restarts : [])));
    const unsaid = restarted.filter((unit) => !OWN_UNITS.includes(unit) && !announced.has(unit.replace(/\.service$/, '')));
    expect(unsaid, `restarts on ${name} that the plan did not announce`).toEqual([]);
  }
}

/** Checks that every unit runs, but for the service that a timer starts. Changes by hand stop some. */
export function expectAllRun(machines: readonly SimulatedMachine[]): void {
  const stopped = machines.flatMap(({ name, units }) =>
    [...units].flatMap(([unit, { started }]) => (started === undefined && unit !== RENEWAL_UNIT ? [`${name} ${unit}`] : [])),
  );
  expect(stopped, 'units that do not run').toEqual([]);
}

/** Paths of data that a plan keeps, by host. */
export function keptIn(planned: PlannedRun | undefined): readonly { readonly host: string; readonly path: string }[] {
  return (planned?.plan.changes ?? []).flatMap((change) =>
    change.action === 'remove' && change.end === 'kept' && change.owned.data === true
      ? [{ host: change.host, path: change.owned.key }]
      : [],
  );
}

/**
 * Checks that everything on the machines was there before the first install, is in the record, or was kept by a plan.
 */
export function expectNothingOrphaned(
  site: ModelSite,
  record: SiteRecord | undefined,
  options: {
    readonly before: ReadonlyMap<string, ReadonlySet<string>>;
    readonly kept: readonly { readonly host: string; readonly path: string }[];
  },
): void {
  for (const machine of site.machines) {
    const owned = record?.hosts[machine.name]?.owned;
    const kept = options.kept.filter(({ host }) => host === machine.name).map(({ path }) => path);
    const known = knownNames(owned, kept, machine);
    const before = options.before.get(machine.name) ?? new Set();
    const orphans = [...inventory(machine)].filter((name) => !before.has(name) && !known(name));
    expect(orphans, `what is on ${machine.name} and nobody owns`).toEqual([]);
  }
}

function knownNames(
  owned: readonly OwnedResource[] | undefined,
  kept: readonly string[],
  machine: SimulatedMachine,
): (name: string) => boolean {
  const names = new Set((owned ?? []).flatMap(namesOf));
  const trees = [
    ...kept,
    ...(owned ?? []).filter(({ data, details }) => data === true || details?.['contents'] === 'ours').map(({ key }) => key),
  ];
  const ids = new Set([...machine.images].filter(([name]) => names.has(`image ${name}`)).map(([, id]) => id));
  if (owned !== undefined) trees.push('/var/lib/caisson');
  // It holds the host's record, which is there as long as the host belongs to the site.
  if (owned !== undefined) names.add(`directory ${dirname(HOST_RECORD)}`);
  return (name) => {
    const path = name.slice(name.indexOf(' ') + 1);
    if (names.has(name) || (owned !== undefined && path === HOST_RECORD)) return true;
    if (trees.some((tree) => path === tree || path.startsWith(`${tree}/`))) return true;
    // Directories above kept data stay, too.
    if (name.startsWith('directory ') && kept.some((tree) => tree.startsWith(`${path}/`))) return true;
    return name.startsWith('image ') && name.includes('@') && ids.has(machine.images.get(path) ?? '');
  };
}

/** Names in the inventory that come from one resource. */
function namesOf({ kind, key, details }: OwnedResource): readonly string[] {
  const words = (name: string, divider: string): readonly string[] => details?.[name]?.split(divider) ?? [];
  switch (kind) {
    case 'certificate':
    case 'keypair':
      return words('paths', '\n').map((path) => `file ${path}`);
    case 'definition':
      return [`file ${key}`, ...words('services', ' ').flatMap((name) => [`unit ${name}.service`, `file ${UNITS}/${name}.service`])];
    case 'sysctl':
      return [`file /etc/sysctl.d/90-caisson-${key}.conf`];
    case 'module':
      return [`module ${key}`, `file /etc/modules-load.d/caisson-${key}.conf`];
    case 'file':
      // systemd knows the unit of each file of its directory.
      return [`file ${key}`, ...(dirname(key) === UNITS ? [`unit ${basename(key)}`] : [])];
    case 'executable':
    case 'artifact':
    case 'package-source':
      return [`file ${key}`];
    default:
      return [`${kind} ${key}`];
  }
}

/** Lists the changes of a plan, without resources that stay as they are. */
export function changesOf(planned: PlannedRun | undefined): readonly string[] {
  return (planned?.plan.changes ?? []).flatMap((change) => {
    if (change.action === 'keep') return [];
    const key = isMaking(change)
      ? `${change.resource.host} ${change.resource.kind} ${change.resource.key}`
      : `${change.host} ${change.owned.key}`;
    return [`${change.action} ${key}`];
  });
}
