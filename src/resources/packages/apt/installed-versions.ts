import type { Host } from '../../../host/index.ts';

interface KnownPackage {
  readonly name: string;
  readonly version: string;
  /** `installed`, `half-configured`, `unpacked`, `half-installed`, `config-files`, `not-installed` (dpkg(1)). */
  readonly status: string;
  readonly needsReinstall: boolean;
}

/** The state of packages in the database of dpkg. A package without an entry is left out. */
async function knownPackages(host: Host, names: readonly string[], signal: AbortSignal): Promise<readonly KnownPackage[]> {
  if (names.length === 0) return [];
  const format = '${db:Status-Status} ${db:Status-Eflag}\\t${Package}\\t${Version}\\n';
  // dpkg-query fails when it does not know one of the names, and still prints the others.
  const { stdout } = await host.run({ argv: ['dpkg-query', '--show', `--showformat=${format}`, '--', ...names] }, { signal });
  return stdout.split('\n').flatMap((line): KnownPackage[] => {
    const [state, name, version] = line.split('\t');
    const [status, flag] = state?.split(' ') ?? [];
    if (status === undefined || name === undefined || version === undefined) return [];
    return [{ name, version, status, needsReinstall: flag !== 'ok' }];
  });
}

/** Resolves to the versions of those packages that are installed and configured, by name. Runs one command. */
export async function installedVersions(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const known = await knownPackages(host, names, signal);
  return new Map(
    known
      .filter(({ status, needsReinstall }) => status === 'installed' && !needsReinstall)
      .map(({ name, version }): [string, string] => [name, version]),
  );
}

/**
 * Resolves to those packages that have files on the host, also when an interrupted run left them half-installed. Runs one
 * command.
 */
export async function presentPackages(host: Host, names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const known = await knownPackages(host, names, signal);
  return known.filter(({ status }) => status !== 'not-installed' && status !== 'config-files').map(({ name }) => name);
}
