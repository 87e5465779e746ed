import type { SourceRequest } from '../package-manager.ts';

/** A path that apt takes for an empty file and for an empty directory, without a warning. */
const NOTHING = '/dev/null';

/**
 * Settings for a file that is named by the variable APT_CONFIG. apt reads that file first, and the files of the host at the
 * paths that it names, which here are none: no setting, source, preference, login or hook of the host is read
 * (apt.conf(5)). With --config-file, apt would add the file to those of the host.
 */
export function isolatedSettings(places: { readonly sources: string; readonly lists: string }): Readonly<Record<string, string>> {
  return {
    'Dir::Etc::main': NOTHING,
    'Dir::Etc::parts': NOTHING,
    'Dir::Etc::sourcelist': places.sources,
    'Dir::Etc::sourceparts': NOTHING,
    'Dir::Etc::preferences': NOTHING,
    'Dir::Etc::preferencesparts': NOTHING,
    'Dir::Etc::netrc': NOTHING,
    'Dir::Etc::netrcparts': NOTHING,
    'Dir::Etc::trusted': NOTHING,
    'Dir::Etc::trustedparts': NOTHING,
    'Dir::State::lists': places.lists,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Acquire::Languages': 'none',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Install-Recommends': 'false',
    'APT::Install-Suggests': 'false',
  };
}

export function formatSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} "${value}";\n`)
    .join('');
}

/** The line of a sources.list for a repository whose metadata `key` must have signed. */
export function sourceLine(
  { codename, components }: Extract<SourceRequest['repository'], { readonly type: 'apt' }>,
  place: { readonly url: string; readonly key: string; readonly architectures: readonly string[] },
): string {
  return `deb [arch=${place.architectures.join(',')} signed-by=${place.key}] ${place.url} ${codename} ${components.join(' ')}\n`;
}
