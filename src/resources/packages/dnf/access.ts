import { posix } from 'node:path';
import { PKI, SETTINGS, STATE } from '../../../site/index.ts';
import { fixedContent } from '../../content.ts';
import type { PlacedFile } from '../../placed-file.ts';
import type { SourceAccess, SourceRequest } from '../package-manager.ts';

const DIRECTORY = posix.join(SETTINGS, 'dnf');
const CONFIG = posix.join(DIRECTORY, 'dnf.conf');
const SOURCES = posix.join(DIRECTORY, 'repos');
const KEY = posix.join(DIRECTORY, 'repository.asc');
/** Pattern of the files of keys that sign packages. */
export const VENDOR_KEYS = posix.join(DIRECTORY, 'vendor-*.asc');
export const NOTE = posix.join(DIRECTORY, 'updated-for');
export const AUTHORITY = posix.join(PKI, 'ca.crt');

/** Directory of all that the tool keeps for us on a host. */
export const LISTS = posix.join(STATE, 'dnf');
/** Metadata and packages that were downloaded. dnf fetches missing files again. */
export const CACHE = posix.join(LISTS, 'cache');
/** Our configuration with the list of packages that a transaction may not remove. */
export const PROTECTED = posix.join(LISTS, 'protected.conf');
/** A copy of the repository's list of metadata, made by a refresh. Its place in the cache differs between dnf and yum. */
export const METADATA = posix.join(LISTS, 'repomd.xml');

/**
 * Makes a configuration of dnf and yum beside the host's own, which is never read or changed. It has only the depot's
 * repository, with metadata signed by the site's key and packages signed by their vendors, over TLS with the site's
 * authority. It is given with `--config` in place of the host's file. An install gives the vendors' keys to rpm.
 */
export function dnfAccess({ repository, depot, key, vendorKeys }: SourceRequest): SourceAccess {
  const vendors = vendorKeys.map((content, index): PlacedFile => {
    return { path: VENDOR_KEYS.replace('*', String(index + 1)), mode: 0o644, content };
  });
  const source = iniText('caisson', {
    name: 'Caisson',
    baseurl: `${depot}/${repository.path}`,
    enabled: '1',
    gpgcheck: '1',
    repo_gpgcheck: '1',
    // Keys of vendors are not among them: any key that is named here may sign the metadata.
    gpgkey: `file://${KEY}`,
    sslverify: '1',
    sslcacert: AUTHORITY,
    metadata_expire: 'never',
    // A package of a module is installed without the metadata of modules, which the depot's repository does not have.
    module_hotfixes: '1',
    skip_if_unavailable: '0',
  });
  return {
    lists: LISTS,
    files: [
      { path: KEY, mode: 0o644, content: key },
      ...vendors,
      { path: posix.join(SOURCES, 'caisson.repo'), mode: 0o644, content: fixedContent(source) },
      { path: CONFIG, mode: 0o644, content: fixedContent(mainSettings({ sources: SOURCES, cache: CACHE })) },
    ],
    metadata: METADATA,
  };
}

/**
 * dnf 4, dnf 5 and yum 3 pass over settings that they do not know. `allow_downgrade` is of newer ones,
 * `skip_missing_names_on_install` of yum 3, which otherwise leaves out packages that it does not find. No plugin runs, so
 * none adds a repository or holds a version back.
 */
const SETTINGS_OF_MAIN: Readonly<Record<string, string>> = {
  plugins: '0',
  gpgcheck: '1',
  localpkg_gpgcheck: '1',
  best: '1',
  install_weak_deps: '0',
  skip_missing_names_on_install: '0',
  allow_downgrade: '0',
  // Kernels are installed beside each other: with a limit, a new one would remove the oldest.
  installonly_limit: '0',
  clean_requirements_on_remove: '1',
  exit_on_lock: '1',
  retries: '3',
  color: 'never',
};

/** Our configuration with these directories, and settings besides. */
export function mainSettings(
  { sources, cache }: { readonly sources: string; readonly cache: string },
  more: Readonly<Record<string, string>> = {},
): string {
  return iniText('main', { reposdir: sources, cachedir: cache, ...SETTINGS_OF_MAIN, ...more });
}

export function iniText(section: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return `[${section}]\n${lines.join('\n')}\n`;
}

/** Settings for tools that would ask for a proxy in the environment or speak another language than English. */
export const ENVIRONMENT: Readonly<Record<string, string>> = { LC_ALL: 'C.UTF-8', no_proxy: '*', NO_PROXY: '*' };

/** Shell function `dnf_here`: dnf, or yum where the host has no dnf, with the configuration in the file $config. */
export const DNF_FUNCTION = `dnf_here() {
  if command -v dnf >/dev/null 2>&1; then dnf --config="$config" "$@"; else yum --config="$config" "$@"; fi
}
`;

/** The same with our configuration. */
export const DNF_HERE = `config=${CONFIG}
${DNF_FUNCTION}`;

/**
 * Shell function `protect`, to be called after DNF_HERE or DNF_FUNCTION. Has `dnf_here` refuse every transaction that would remove a package of
 * the host, but for those in the arguments. Parameter 1: the file for the configuration that says so; it is $config with the
 * list of packages at its end, which is too long for a command line.
 */
export const PROTECT = `protect() {
  own=$config; config=$1; shift
  mkdir -p -- "\${config%/*}" && rpm --query --all --queryformat='%{NAME}\\n' > "$config.all" || return 1
  printf '%s\\n' "$@" > "$config.not" && cat -- "$own" > "$config" || return 1
  echo "protected_packages=$(sort -u "$config.all" | grep -v -x -F -f "$config.not" | tr '\\n' ' ')" >> "$config"
  rm -f -- "$config.all" "$config.not"
}
`;
