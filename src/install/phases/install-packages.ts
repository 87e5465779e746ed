import type { Placement } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import { compareDebVersions } from '../../ospkg/index.ts';
import { aptGet } from '../apt-access.ts';
import { hostOf, type InstallContext } from '../context.ts';
import { recoverPackages, runPackageTool } from '../package-tool.ts';
import { repositoryFor } from '../repository-for.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';

const step = stepsOf('install-packages');

interface WantedPackage {
  readonly name: string;
  readonly version: string;
}

/** The packages of a component's sets, and of the host's roles with its first component, from the depot alone. */
export function installPackages(context: InstallContext, placement: Placement, needs: readonly string[]): readonly Step[] {
  const { component, host: node } = placement;
  const host = hostOf(context, node.name);
  const wanted = wantedPackages(context, placement);
  if (wanted.length === 0) return [];
  const names = wanted.map(({ name }) => name);
  return [
    step(node.name, component.name, {
      summary: `install packages for ${component.name}: ${names.join(', ')}`,
      needs,
      isDone: async ({ signal }) => {
        const installed = await installedVersions(host, names, signal);
        // A newer version that the host has already is kept, as apt keeps it.
        return wanted.every(({ name, version }) => {
          const found = installed.get(name);
          return found !== undefined && compareDebVersions(found, version) >= 0;
        });
      },
      apply: async ({ signal, emit }) => {
        await recoverPackages(host, aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends'), { signal, emit });
        await runPackageTool(host, aptGet('install', '--no-install-recommends', ...names), { signal, emit });
      },
    }),
  ];
}

/** Versions of the packages of the list that are installed and configured. */
async function installedVersions(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const format = '${db:Status-Status} ${db:Status-Eflag}\\t${Package}\\t${Version}\\n';
  // It fails when it does not know one of them, and tells of the others all the same.
  const { stdout } = await host.run({ argv: ['dpkg-query', '--show', `--showformat=${format}`, '--', ...names] }, { signal });
  return new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [status, name, version] = line.split('\t');
      return status === 'installed ok' && name !== undefined && version !== undefined ? [[name, version]] : [];
    }),
  );
}

/** The packages by name that the sets ask for, in the versions of the bundle; what they depend on comes along by itself. */
function wantedPackages(context: InstallContext, { component, host }: Placement): readonly WantedPackage[] {
  const sets = new Set(component.packageSets);
  const [first] = context.topology.componentsOf(host.name);
  if (first?.name === component.name) {
    for (const role of host.roles) for (const set of context.manifests.roles.get(role)?.packageSets ?? []) sets.add(set);
  }
  const names = new Set(
    (context.systems.get(host.name)?.packageSets ?? []).filter((set) => sets.has(set.name)).flatMap((set) => set.packages),
  );
  if (names.size === 0) return [];
  const repository = repositoryFor(context, host);
  const architecture = context.architectures.get(host.name) ?? '';
  const offered = repository.packages.filter((candidate) => ['all', architecture].includes(candidate.architecture));
  const missing = [...names].filter((name) => !offered.some((candidate) => candidate.name === name));
  if (missing.length > 0) {
    throw new CaissonError(
      'HOSTS_UNFIT',
      `Cannot install packages on "${host.name}": the bundle has no ${missing.join(', ')} for ${repository.id} on ${architecture}`,
      { hint: 'Build a bundle with these manifests' },
    );
  }
  return offered.filter((candidate) => names.has(candidate.name)).map(({ name, version }) => ({ name, version }));
}
