import { daemonReload, disableUnit, enableUnit, restartUnit, type Host } from '../host/index.ts';
import { UNITS } from '../site/index.ts';
import { fixedContent } from './content.ts';
import { lookAtFiles, writeFiles } from './file.ts';
import type { PlacedFile } from './placed-file.ts';
import { removeFiles } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext } from './kind.ts';
import { readNeeds } from './unit.ts';

/** A unit whose file Caisson writes and which holds a mount or route as long as it runs. */
export interface KeptUnit {
  /** Name with its ending, such as .mount. */
  readonly name: string;
  readonly text: string;
}

function fileOf({ name, text }: KeptUnit): PlacedFile {
  return { path: `${UNITS}/${name}`, mode: 0o644, content: fixedContent(text) };
}

export async function lookAtKeptUnits(host: Host, units: readonly KeptUnit[], signal: AbortSignal): Promise<readonly Found[]> {
  if (units.length === 0) return [];
  const files = await lookAtFiles(host, units.map(fileOf), signal);
  const needs = await readNeeds(
    host,
    units.map((unit) => ({ key: unit.name, spec: { restartOn: [fileOf(unit).path], reloadOn: [] } })),
    signal,
  );
  return units.map((_, index) => {
    const file = files[index] ?? ABSENT;
    if (file.state !== 'same') return file;
    const unit = needs[index];
    return unit?.need === 'nothing' ? SAME : { state: 'different', why: `its unit: ${unit?.why ?? 'systemd does not know it'}` };
  });
}

/** Writes and starts units that are not as wanted. Those that run already are started again. */
export async function ensureKeptUnits(host: Host, open: readonly KeptUnit[], context: ResourceContext): Promise<void> {
  if (open.length === 0) return;
  const { signal } = context;
  await writeFiles(host, open.map(fileOf), [], context);
  await daemonReload(host, { signal });
  for (const { name } of open) {
    await enableUnit(host, name, { signal });
    await restartUnit(host, name, { signal });
  }
}

export async function removeKeptUnits(host: Host, names: readonly string[], signal: AbortSignal): Promise<void> {
  for (const name of names) await disableUnit(host, name, { signal });
  await removeFiles(
    host,
    names.map((name) => `${UNITS}/${name}`),
    signal,
  );
  await daemonReload(host, { signal });
}
