import { posix } from 'node:path';
import { NOT_APPLIED, STATE_FILE, UNIT_MARK, unitNameOf } from '../agent/index.ts';
import { digestOf, type Digest } from '../core/index.ts';
import { isIdle, quoteCommand, readUnits, runChecked, shellScript, type Host } from '../host/index.ts';
import { AGENT_STATE, EXECUTABLE, UNITS } from '../site/index.ts';
import { fixedContent } from './content.ts';
import { lookAtFiles, replacedKeys, writeFiles } from './file.ts';
import { readHeldServices } from './held-services.ts';
import { keepPaths, removeFiles, removePlaced, REPLACED, restorePaths } from './paths.ts';
import { ABSENT, type Found, type ResourceContext, type ResourceKind, type Wanted } from './kind.ts';
import type { FileSpec, PlacedFile } from './placed-file.ts';

/** A file of service definitions, from which the agent makes units. Its key is the path. */
export interface DefinitionSpec extends FileSpec {
  /** Names of the services in the file. */
  readonly services: readonly string[];
  /** Names of the services that run in containers. */
  readonly containers: readonly string[];
  /** Commands that take away what services leave once they were stopped for good. May run twice. */
  readonly afterRemoval?: readonly { readonly service: string; readonly argv: readonly string[] }[];
  /** Reload of running services when certain files change; undefined when the services need a restart for every file. */
  readonly reload?: DefinitionReload | undefined;
}

export interface DefinitionReload {
  /** Digest of the files that services take over by a reload; undefined while one of them has not been made. */
  readonly digest: Digest | undefined;
  /** Argument lists of the commands that reload services, at most one for each service. */
  readonly commands: readonly (readonly string[])[];
  /** Resolves to the digest. Makes missing files first. */
  read(): Promise<Digest>;
}

/**
 * Directory on a host of one mark for each file of definitions that the agent has read in its present form. A mark holds
 * the digest of the files that services took over by a reload, or an empty line.
 */
const RELOADED = '/var/lib/caisson/reloaded';

/** Beginning of the names in `details` of commands after the removal, whose words have NUL between them; a service follows. */
const AFTER_REMOVAL = 'afterRemoval ';

type Wish = { readonly key: string; readonly spec: DefinitionSpec };

function markPath(key: string): string {
  return `${RELOADED}/${digestOf(key).slice(-16)}`;
}

function markOf({ key, spec: { reload } }: Wish): PlacedFile {
  const known = fixedContent(`${reload?.digest ?? ''}\n`);
  const content = reload !== undefined && reload.digest === undefined ? { digest: undefined, read: known.read } : known;
  return { path: markPath(key), mode: 0o600, content };
}

function lookAtMarks(host: Host, wanted: readonly Wish[], signal: AbortSignal): Promise<readonly Found[]> {
  return lookAtFiles(host, wanted.map(markOf), signal);
}

function lookAtDefinitions(host: Host, wanted: readonly Wish[], signal: AbortSignal): Promise<readonly Found[]> {
  return lookAtFiles(
    host,
    wanted.map(({ key, spec }) => ({ ...spec, path: key })),
    signal,
  );
}

export const definitionKind: ResourceKind<DefinitionSpec> = {
  look: async (host, wanted, { signal }) => {
    const files = await lookAtDefinitions(host, wanted, signal);
    const marks = await lookAtMarks(host, wanted, signal);
    const idle = await idleServices(host, wanted, signal);
    const rewritten = await rewrittenUnits(host, wanted, signal);
    return wanted.map(({ spec }, index): Found => {
      const [file = ABSENT, mark = ABSENT] = [files[index], marks[index]];
      const stopped = spec.services.find((service) => idle.has(service));
      const unit = spec.services.find((service) => rewritten.has(service));
      const stop = stopped === undefined ? {} : { isStopped: true };
      if (file.state !== 'same') return { ...file, ...stop };
      if (mark.state === 'absent') return { state: 'different', why: 'the agent has not read it', ...stop };
      if (stopped !== undefined) return { state: 'different', why: `${stopped} does not run`, ...stop };
      if (unit !== undefined) return { state: 'different', why: `${unitNameOf({ name: unit })} is not as the agent wrote it` };
      if (mark.state === 'same') return file;
      return { state: 'different', why: 'it runs with older files', byReload: true };
    });
  },
  ensure: async (host, wanted, context) => {
    const { signal } = context;
    await placeDefinitions(host, wanted, context);
    const marks = await lookAtMarks(host, wanted, signal);
    const idle = await idleServices(host, wanted, signal);
    const rewritten = await rewrittenUnits(host, wanted, signal);
    // At each reload the agent starts services that do not run, and restarts those whose units it writes again.
    if (idle.size + rewritten.size > 0 || marks.some(({ state }) => state === 'absent')) await reloadAgent(host, signal);
    for (const [index, { key, spec }] of wanted.entries()) {
      const state = marks[index]?.state;
      if (state === 'same') continue;
      // Without a mark, the agent has just restarted the services, as it does those of other units, and it starts idle ones: these
      // run with the new files.
      const isRunning = spec.services.some((service) => !idle.has(service) && !rewritten.has(service));
      if (state === 'different' && isRunning) for (const argv of spec.reload?.commands ?? []) await runChecked(host, { argv }, { signal });
      await writeFiles(host, [{ ...markOf({ key, spec }), content: fixedContent(`${(await spec.reload?.read()) ?? ''}\n`) }], [], context);
    }
  },
  remove: async (host, owned, context) => {
    const { signal } = context;
    const keys = owned.map(({ key }) => key);
    await removeFiles(host, keys.map(markPath), signal);
    await removePlaced(host, owned, ({ key }) => [key], signal);
    const listed = (name: string): readonly string[] =>
      owned.flatMap(({ details }) => details?.[name]?.split(' ') ?? []).filter((word) => word !== '');
    const still = await retireServices(host, listed('services'), signal);
    await context.engine?.removeContainers(
      host,
      listed('containers').filter((name) => !still.includes(name)),
      signal,
    );
    for (const { details = {} } of owned)
      for (const [name, words] of Object.entries(details)) {
        const service = name.startsWith(AFTER_REMOVAL) ? name.slice(AFTER_REMOVAL.length) : undefined;
        if (service !== undefined && !still.includes(service)) await runChecked(host, { argv: words.split('\0') }, { signal });
      }
  },
  details: ({ services, containers, afterRemoval = [] }) => ({
    services: services.join(' '),
    containers: containers.join(' '),
    ...Object.fromEntries(afterRemoval.map(({ service, argv }) => [`${AFTER_REMOVAL}${service}`, argv.join('\0')])),
  }),
  undo: async (host, wanted, { signal }) => {
    await restorePaths(
      host,
      REPLACED,
      wanted.flatMap(({ key }) => [key, markPath(key)]),
      signal,
    );
    await reloadAgent(host, signal);
  },
};

/** Names of the services that do not run, without those that an operator stopped by taking the node down. */
async function idleServices(host: Host, wanted: readonly Wish[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  const services = wanted.flatMap(({ spec }) => spec.services);
  if (services.length === 0) return new Set();
  const states = await readUnits(
    host,
    services.map((name) => unitNameOf({ name })),
    { signal },
  );
  const idle = services.filter((name) => isIdle(states.get(unitNameOf({ name }))));
  if (idle.length === 0) return new Set();
  const held = await readHeldServices(host, signal);
  return new Set(idle.filter((name) => !held.has(name)));
}

/**
 * Parameters: directory of units, state file of the agent, names of services. Prints the units with the digests that the agent
 * remembers, as its state file has them, an empty line, and the SHA-256 digest of the unit file of each service, or `absent`.
 */
export const UNIT_DIGESTS_SCRIPT = `units=$1; state=$2; shift 2
if [ -f "$state" ]; then
  grep -oE '"[^"\\]+": "(sha256:[0-9a-f]{64}|${NOT_APPLIED})"' -- "$state" || [ $? = 1 ] || exit 1
fi
echo
for name do
  if [ -f "$units/$name.service" ]; then sha256sum <"$units/$name.service" || exit 1; else echo absent; fi
done
`;

/**
 * Names of the services whose unit files are not as the agent wrote them, because a person changed or removed them, or because the
 * agent was killed before it restarted the service. At its next reload the agent writes these files and restarts the services.
 */
async function rewrittenUnits(host: Host, wanted: readonly Wish[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  const services = wanted.flatMap(({ spec }) => spec.services);
  if (services.length === 0) return new Set();
  const argv = shellScript(UNIT_DIGESTS_SCRIPT, [UNITS, posix.join(AGENT_STATE, STATE_FILE), ...services]);
  const { stdout } = await runChecked(host, { argv }, { signal });
  const end = stdout.startsWith('\n') ? 0 : stdout.indexOf('\n\n') + 1;
  const remembered = new Map(stdout.slice(0, end).split('\n').map(nameAndDigest));
  const digests = stdout
    .slice(end + 1)
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  return new Set(
    services.filter((name, index) => {
      const before = remembered.get(unitNameOf({ name }));
      return before !== undefined && before !== `sha256:${digests[index] ?? ''}`;
    }),
  );
}

/** Splits a line of the script, such as `"web.service": "sha256:..."`. */
function nameAndDigest(line: string): readonly [name: string, digest: string] {
  const [, name = '', , digest = ''] = line.split('"');
  return [name, digest];
}

/**
 * Removes the mark before the file changes. When the run is killed before the agent has read the file, the next run finds
 * no mark and reloads the agent.
 */
async function placeDefinitions(host: Host, wanted: readonly Wanted<DefinitionSpec>[], context: ResourceContext): Promise<void> {
  const { signal } = context;
  const found = await lookAtDefinitions(host, wanted, signal);
  const differing = wanted.filter((_, index) => found[index]?.state !== 'same');
  const marks = differing.map(({ key }) => markPath(key));
  await keepPaths(host, REPLACED, marks, signal);
  await removeFiles(host, marks, signal);
  await writeFiles(
    host,
    differing.map(({ key, spec }) => ({ ...spec, path: key })),
    replacedKeys(differing),
    context,
  );
}

async function reloadAgent(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, { argv: [EXECUTABLE, 'agent', 'reload'] }, { signal });
}

/**
 * Parameters: directory of units, state file of the agent, names of services. Makes the agent read its definitions; the
 * agent then removes the units of services that are no longer defined. When no agent answers, the script stops and removes
 * the units itself, but only those that the agent made: their first line or the agent's state says so, also when the file
 * was changed or removed by hand. systemctl refuses to disable a unit without a file, so that one gets an empty file first;
 * one that failed would stay in its lists. After a reload by the agent, prints the names whose units still exist, because another file defines them.
 */
export const RETIRE_SCRIPT = `units=$1; state=$2; shift 2
if [ -x ${EXECUTABLE} ] && ${quoteCommand([EXECUTABLE, 'agent', 'reload'])} >/dev/null 2>&1; then
  for name do if [ -f "$units/$name.service" ]; then echo "$name"; fi; done
  exit 0
fi
for name do
  unit=$units/$name.service
  if grep -qsF "\\"$name.service\\":" "$state" && [ ! -L "$unit" ]; then
    [ -f "$unit" ] || : >"$unit" || exit 1
  else
    [ -f "$unit" ] || continue
    read -r mark <"$unit" || :
    [ "$mark" = '${UNIT_MARK}' ] || continue
  fi
  systemctl disable --now --quiet -- "$name.service" || exit 1
  rm -f -- "$unit" || exit 1
  systemctl daemon-reload || exit 1
  systemctl reset-failed -- "$name.service" 2>/dev/null || :
done
`;

/** Resolves to the services whose units still exist. */
async function retireServices(host: Host, services: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (services.length === 0) return [];
  const { stdout } = await runChecked(
    host,
    { argv: shellScript(RETIRE_SCRIPT, [UNITS, posix.join(AGENT_STATE, STATE_FILE), ...services]) },
    { signal },
  );
  return stdout.split('\n').filter((name) => name !== '');
}
