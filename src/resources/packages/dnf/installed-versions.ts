import type { Host } from '../../../host/index.ts';
import { compareRpmVersions } from '../../../ospkg/index.ts';
import { ENVIRONMENT } from './access.ts';

/** Line of a package: name, version as the bundle says it. A package without an epoch has none there either. */
const FORMAT = '%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\n';

/**
 * Resolves to the versions of those packages that are installed, by name: the newest one where several are. Runs one
 * command.
 */
export async function installedVersions(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  // rpm fails when it does not know one of the names, and says so without a tab; it still prints the others.
  const { stdout } = await host.run({ argv: ['rpm', '--query', `--queryformat=${FORMAT}`, '--', ...names], env: ENVIRONMENT }, { signal });
  const versions = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [name, version] = line.split('\t');
    if (name === undefined || version === undefined) continue;
    const known = versions.get(name);
    if (known === undefined || compareRpmVersions(known, version) < 0) versions.set(name, version);
  }
  return versions;
}
