import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import type { AptMirror } from '../prerequisites.ts';

/** apt with a state of its own and an empty dpkg status: it names whole closures, and the machine's packages are not touched. */
export interface PackageSource {
  /** The package files of the closure of `names`, by package name. Throws apt's own words when there is none. */
  closure(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

const ARCHIVES = 'archives';

/** Opens an isolated apt over a Debian 12 mirror; `directory` keeps its lists and package files. */
export async function openPackageSource(directory: string, mirror: AptMirror): Promise<PackageSource> {
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, ARCHIVES, 'partial'), { recursive: true });
  await mkdir(join(directory, 'none', 'partial'), { recursive: true });
  await writeFile(join(directory, 'status'), '');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await writeFile(join(directory, 'sources.list'), `deb [signed-by=${keyring}] ${mirror.main} bookworm main\n`);
  const configuration = join(directory, 'apt.conf');
  await writeFile(configuration, aptConfiguration(directory));
  const env = { APT_CONFIG: configuration, DEBIAN_FRONTEND: 'noninteractive' };
  await run(['apt-get', 'update', '-q'], { env });
  return {
    closure: async (names) => {
      // apt prints only what it would download: an empty folder makes it name the packages that lie here already, too.
      const none = join(directory, 'none');
      const asked = await run(['apt-get', 'install', '-q', '-y', '--print-uris', '-o', `Dir::Cache::archives=${none}`, ...names], { env });
      const files = new Map(
        [...asked.stdout.matchAll(/^'[^']+' (([^_\s]+)_\S+\.deb) \d+/gm)].map((match) => [match[2] ?? '', match[1] ?? '']),
      );
      await run(['apt-get', 'install', '-q', '-y', '--download-only', ...names], { env });
      const present = new Set(await readdir(join(directory, ARCHIVES)));
      const found = new Map<string, string>();
      for (const [name, file] of files) {
        if (!present.has(file)) throw new Error(`apt-get did not download "${file}"`);
        found.set(name, join(directory, ARCHIVES, file));
      }
      return found;
    },
  };
}

function aptConfiguration(directory: string): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, ARCHIVES),
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} "${value}";\n`)
    .join('');
}

const UNUSED = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'usr/share/lintian', 'lib/systemd', 'etc/init.d'];

/** Lays the files of packages into a directory whose /bin, /sbin and /lib are links into /usr, as Debian 12 has them. */
export async function unpackPackages(files: readonly string[], directory: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib']) await mkdir(join(directory, 'usr', name), { recursive: true });
  await mkdir(join(directory, 'usr', 'lib64'), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await run(['ln', '-sfn', `usr/${name}`, join(directory, name)]);
  for (const file of files) {
    const script =
      'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --no-same-owner --preserve-permissions --directory="$2"';
    await run(['/bin/bash', '-c', `set -o pipefail; ${script}`, 'unpack', file, directory]);
  }
  for (const path of UNUSED) await rm(join(directory, path), { recursive: true, force: true });
}
