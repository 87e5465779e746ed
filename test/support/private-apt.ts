import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AptResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real apt-get with sources, lists and system status of its own; no package is installed there. */
export interface PrivateApt {
  readonly directory: string;
  /** Runs apt-get; never rejects for its exit status. */
  get(...args: readonly string[]): Promise<AptResult>;
  /** Packages that apt-get would install, as "name version", sorted. Throws when apt-get refuses. */
  wouldInstall(...args: readonly string[]): Promise<string[]>;
}

export function privateApt(directory: string, sourcesList: string): PrivateApt {
  for (const path of [
    'etc/apt/apt.conf.d',
    'etc/apt/preferences.d',
    'etc/apt/trusted.gpg.d',
    'state/lists/partial',
    'cache/archives/partial',
    'log',
  ]) {
    mkdirSync(join(directory, path), { recursive: true });
  }
  writeFileSync(join(directory, 'etc/apt/sources.list'), sourcesList);
  writeFileSync(join(directory, 'status'), '');
  const settings = {
    Dir: directory,
    'Dir::Etc': join(directory, 'etc/apt'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    'Dir::Log': join(directory, 'log'),
    'APT::Architecture': 'amd64',
    'APT::Architectures::': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '0',
    'Debug::NoLocking': 'true',
  };
  const config = join(directory, 'apt.conf');
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  );
  const environment = { PATH: process.env.PATH, LC_ALL: 'C', APT_CONFIG: config };
  const get = async (...args: readonly string[]): Promise<AptResult> =>
    await new Promise((resolve, reject) => {
      execFile('apt-get', args, { env: environment, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(new Error('This test needs apt-get (package apt)', { cause: error }));
        else resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  return {
    directory,
    get,
    wouldInstall: async (...args) => {
      // Faster than a simulation, which configures each package. The file name is name_version_architecture.deb.
      const { status, stdout, stderr } = await get('-qq', '--print-uris', ...args);
      if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
      const names = [...stdout.matchAll(/^'[^']+' ([^_ ]+)_([^_ ]+)_[^_ ]+\.deb /gm)];
      return names.map(([, name = '', version = '']) => `${name} ${decodeURIComponent(version)}`).sort();
    },
  };
}
