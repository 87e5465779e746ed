import { UNIT_MARK } from '../agent/index.ts';
import { digestOf, type Digest } from '../core/index.ts';
import { quoteCommand, runChecked, shellScript, type Host } from '../host/index.ts';
import { EXECUTABLE, UNITS } from '../site/index.ts';
import { fixedContent } from './content.ts';
import { lookAtFiles, writeFiles } from './file.ts';
import type { FileSpec, PlacedFile } from './placed-file.ts';
import { removeFiles, REPLACED, restorePaths } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A file of service definitions that the agent makes units of. Its key is the path. */
export interface DefinitionSpec extends FileSpec {
  /** Names of the services that the agent makes units of. */
  readonly services: readonly string[];
  /** Names of those that run in containers. */
  readonly containers: readonly string[];
  /** What has running services take files that changed without a restart. */
  readonly reload?: DefinitionReload | undefined;
}

export interface DefinitionReload {
  /** Of the files that are taken so; undefined while one has yet to be made. */
  readonly digest: Digest | undefined;
  /** Commands for a shell, one for each service. */
  readonly commands: readonly (readonly string[])[];
  /** The digest once every file is made. */
  read(): Promise<Digest>;
}

/** Where a host keeps which files were taken by a reload. */
const RELOADED = '/var/lib/caisson/reloaded';

function markOf(key: string, digest: Digest | undefined): PlacedFile {
  const content = digest === undefined ? { digest: undefined, read: async () => '' } : fixedContent(`${digest}\n`);
  return { path: `${RELOADED}/${digestOf(key).slice(-16)}`, mode: 0o600, content };
}

export const definitionKind: ResourceKind<DefinitionSpec> = {
  look: async (host, wanted, { signal }) => {
    const files = await lookAtFiles(
      host,
      wanted.map(({ key, spec }) => ({ ...spec, path: key })),
      signal,
    );
    const marks = await lookAtMarks(host, wanted, signal);
    return wanted.map(({ key }, index): Found => {
      const file = files[index] ?? ABSENT;
      const mark = marks.get(key) ?? SAME;
      if (file.state !== 'same' || mark.state === 'same') return file;
      return { state: 'different', why: 'it runs with older files' };
    });
  },
  ensure: async (host, wanted, context) => {
    const { signal } = context;
    const placed = wanted.map(({ key, spec }) => ({ ...spec, path: key }));
    const written = await writeFiles(host, placed, [], context);
    // Last: without it, a run that was killed before this point finds the definitions not applied.
    if (written.length > 0) await reloadAgent(host, signal);
    const marks = await lookAtMarks(host, wanted, signal);
    for (const { key, spec } of wanted) {
      if (spec.reload === undefined || marks.get(key)?.state === 'same') continue;
      if (!written.includes(key)) for (const argv of spec.reload.commands) await runChecked(host, { argv }, { signal });
      await writeFiles(host, [markOf(key, await spec.reload.read())], [], context);
    }
  },
  remove: async (host, owned, context) => {
    const { signal } = context;
    const keys = owned.map(({ key }) => key);
    await removeFiles(host, [...keys, ...keys.map((key) => markOf(key, undefined).path)], signal);
    const listed = (name: string): readonly string[] =>
      owned.flatMap(({ details }) => details?.[name]?.split(' ') ?? []).filter((word) => word !== '');
    const still = await retireServices(host, listed('services'), signal);
    await context.engine.removeContainers(
      host,
      listed('containers').filter((name) => !still.includes(name)),
      signal,
    );
  },
  details: ({ services, containers }) => ({ services: services.join(' '), containers: containers.join(' ') }),
  undo: async (host, wanted, { signal }) => {
    await restorePaths(
      host,
      REPLACED,
      wanted.map(({ key }) => key),
      signal,
    );
    await reloadAgent(host, signal);
  },
};

async function lookAtMarks(
  host: Host,
  wanted: readonly { readonly key: string; readonly spec: DefinitionSpec }[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Found>> {
  const marked = wanted.flatMap(({ key, spec }) => (spec.reload === undefined ? [] : [{ key, mark: markOf(key, spec.reload.digest) }]));
  const found = await lookAtFiles(
    host,
    marked.map(({ mark }) => mark),
    signal,
  );
  return new Map(marked.map(({ key }, index) => [key, found[index] ?? ABSENT]));
}

async function reloadAgent(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, { argv: [EXECUTABLE, 'agent', 'reload'] }, { signal });
}

/**
 * Parameters: directory of units, names of services. Has the agent read its definitions, which retires the units of those that
 * are gone; where no agent answers, stops them itself. Only units whose first line says that the agent made them are touched.
 * Prints the names whose units are still there: another file defines them.
 */
export const RETIRE_SCRIPT = `units=$1; shift
if [ -x ${EXECUTABLE} ] && ${quoteCommand([EXECUTABLE, 'agent', 'reload'])} >/dev/null 2>&1; then
  for name do if [ -f "$units/$name.service" ]; then echo "$name"; fi; done
  exit 0
fi
for name do
  unit=$units/$name.service
  [ -f "$unit" ] || continue
  read -r mark <"$unit" || :
  [ "$mark" = '${UNIT_MARK}' ] || continue
  systemctl disable --now --quiet -- "$name.service" || exit 1
  rm -f -- "$unit" || exit 1
  systemctl daemon-reload || exit 1
done
`;

/** Returns the services whose units are still there. */
async function retireServices(host: Host, services: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (services.length === 0) return [];
  const { stdout } = await runChecked(host, { argv: shellScript(RETIRE_SCRIPT, [UNITS, ...services]) }, { signal });
  return stdout.split('\n').filter((name) => name !== '');
}
