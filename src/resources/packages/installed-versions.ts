import type { Host } from '../../host/index.ts';

interface KnownPackage {
  readonly name: string;
  readonly version: string;
  /** `installed`, `half-configured`, `unpacked`, `half-installed`, `config-files`, `not-installed` (dpkg(1)). */
  readonly status: string;
  readonly needsReinstall: boolean;
}

/** What dpkg knows of packages; those that it never heard of are left out. */
async function knownPackages(host: Host, names: readonly string[], signal: AbortSignal): Promise<readonly KnownPackage[]> {
  if (names.length === 0) return [];
  const format = '${db:Status-Status} ${db:Status-Eflag}\\t${Package}\\t${Version}\\n';
  // It fails when it does not know one of them, and tells of the others all the same.
  const { stdout } = await host.run({ argv: ['dpkg-query', '--show', `--showformat=${format}`, '--', ...names] }, { signal });
  return stdout.split('\n').flatMap((line): KnownPackage[] => {
    const [state, name, version] = line.split('\t');
    const [status, flag] = state?.split(' ') ?? [];
    if (status === undefined || name === undefined || version === undefined) return [];
    return [{ name, version, status, needsReinstall: flag !== 'ok' }];
  });
}

/** Versions of the packages of a list that are installed and configured. One command. */
export async function installedVersions(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const known = await knownPackages(host, names, signal);
  return new Map(
    known
      .filter(({ status, needsReinstall }) => status === 'installed' && !needsReinstall)
      .map(({ name, version }): [string, string] => [name, version]),
  );
}

/** The packages of a list of which files are there, even if a kill left them half-way. One command. */
export async function presentPackages(host: Host, names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const known = await knownPackages(host, names, signal);
  return known.filter(({ status }) => status !== 'not-installed' && status !== 'config-files').map(({ name }) => name);
}
