import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { openLocalHost, type Host } from '../../src/host/index.ts';
import { generateRepositoryKey, packageFormat } from '../../src/ospkg/index.ts';
import { writeAptRepository } from '../../src/ospkg/apt/write-repo.ts';
import type { SourceAccess } from '../../src/resources/packages/package-manager.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { relocatedHost } from './relocated-host.ts';
import { Installer } from './simulated-machine.ts';
import { startTlsServer, testAuthority } from './test-certificates.ts';

const run = promisify(execFile);

/** Directories of the machine that are private directories for the tools: what they change is not the machine's. */
const PRIVATE = ['/etc/apt', '/var/lib/dpkg', '/var/lib/apt', '/var/cache/apt', '/var/log'];
const DATE = new Date('2025-01-01T00:00:00Z');
const PATH = 'apt/debian-12';

/** Parameters: a directory, then a command. Puts the private directories in place in a mount namespace, or fails. */
const ENTER = `set -eu
root=$1; shift
for path in ${PRIVATE.join(' ')}; do mount --bind "$root$path" "$path"; done
exec "$@"
`;

export interface DebFields {
  readonly Package: string;
  readonly Version: string;
  readonly [field: string]: string;
}

/** The real apt and dpkg on a database of installed packages of their own, and a depot's repository that they use. */
export interface AptMachine {
  readonly host: Host;
  readonly access: SourceAccess;
  /** Directory that stands for / in what is private to the tools. */
  readonly root: string;
  /** Installs a package with dpkg, with a maintainer script where one is given. */
  readonly install: (fields: DebFields) => Promise<void>;
  /** Runs dpkg or another tool on the machine's database; rejects when it fails. */
  readonly tool: (...argv: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Packages have no files. `scripts` are their maintainer scripts, by `NAME/postinst`. */
export async function aptMachine(
  directory: string,
  packages: readonly DebFields[],
  scripts: Readonly<Record<string, string>> = {},
): Promise<AptMachine> {
  const root = join(directory, 'root');
  for (const path of [
    ...PRIVATE,
    '/var/lib/dpkg/info',
    '/var/lib/dpkg/updates',
    '/var/lib/dpkg/triggers',
    '/var/cache/apt/archives/partial',
  ])
    await mkdir(join(root, path), { recursive: true });
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  const places = { '/etc/caisson': join(directory, 'caisson'), '/var/lib/caisson': join(directory, 'state') };
  const prefix = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', ENTER, 'sh', root];
  const host = relocatedHost(openLocalHost({ name: 'here' }), { places, prefix, installer: new Installer() });

  const made = await Promise.all(packages.map((fields) => makeDeb(join(directory, 'made'), fields, scripts)));
  const depot = await serveRepository(made);
  const access = aptManager.access({ repository: depot.repository, depot: depot.url, key: contentOf(depot.key), vendorKeys: [] });
  await mkdir(join(places['/var/lib/caisson'], 'apt/lists/partial'), { recursive: true });
  for (const { path, content } of access.files) {
    const text = Object.entries(places).reduce((one, [from, to]) => one.replaceAll(from, to), String(await content.read()));
    await host.upload(path.endsWith('apt.conf') ? `${text}APT::Sandbox::User "root";\n` : text, path, {
      mode: 0o644,
      owner: await owner(),
    });
  }
  await host.upload(depot.authority, '/etc/caisson/pki/ca.crt', { mode: 0o644, owner: await owner() });
  const tool = async (...argv: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await host.run({ argv, env: { LC_ALL: 'C' } });
    if (exitCode !== 0) throw new Error(`${argv.join(' ')} failed:\n${stdout}\n${stderr}`);
    return stdout;
  };
  return {
    host,
    access,
    root,
    tool,
    install: async (fields) => {
      const { file } = await makeDeb(join(directory, 'given'), fields, scripts);
      await tool('dpkg', '--install', file);
    },
    close: depot.close,
  };
}

async function owner(): Promise<string> {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}

function contentOf(text: string) {
  return { digest: digestOf(text), read: async () => text };
}

interface Deb {
  readonly fields: DebFields;
  readonly file: string;
  readonly bytes: Buffer;
}

async function makeDeb(directory: string, fields: DebFields, scripts: Readonly<Record<string, string>>): Promise<Deb> {
  const root = join(directory, `${fields.Package}-${fields.Version.replaceAll(/[^A-Za-z0-9.]/g, '-')}`);
  await mkdir(join(root, 'DEBIAN'), { recursive: true });
  await writeFile(join(root, 'DEBIAN/control'), controlFile(fields));
  for (const [path, text] of Object.entries(scripts)) {
    const [name = '', script = ''] = path.split('/');
    if (name === fields.Package) await writeFile(join(root, 'DEBIAN', script), text, { mode: 0o755 });
  }
  await run('dpkg-deb', ['--build', '--root-owner-group', root, `${root}.deb`]);
  return { fields, file: `${root}.deb`, bytes: await readFile(`${root}.deb`) };
}

function controlFile(fields: DebFields): string {
  return Object.entries({ Architecture: 'amd64', Maintainer: 'A Person <person@example.com>', Description: 'a package', ...fields })
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** Serves a repository in the form of a depot: written and signed by ours, over TLS. */
async function serveRepository(debs: readonly Deb[]) {
  const files = new Map<string, Buffer>();
  const pathOf = ({ fields }: Deb): string => `pool/main/${fields.Package}.deb`;
  for (const deb of debs) files.set(pathOf(deb), deb.bytes);
  const metadata = writeAptRepository({
    codename: 'bookworm',
    architectures: ['amd64'],
    origin: 'Caisson',
    label: 'Caisson',
    date: DATE,
    packages: debs.map((deb) => {
      const { Package: name, Version: version } = deb.fields;
      const [size, digest] = [deb.bytes.byteLength, digestOf(deb.bytes)];
      const stanza = `${controlFile(deb.fields)}Filename: x.deb\nSize: ${size}\nSHA256: ${hexOf(digest)}`;
      const source = { name, version };
      const record = {
        name,
        version,
        architecture: 'amd64',
        source,
        repository: 'http://mirror.example',
        filename: 'x.deb',
        size,
        digest,
        stanza,
      };
      return { path: pathOf(deb), record };
    }),
  });
  for (const [path, content] of metadata) files.set(path, content);
  const repository: BundleRepository = {
    id: 'debian-12',
    type: 'apt',
    path: PATH,
    codename: 'bookworm',
    architectures: ['amd64'],
    components: ['main'],
    packages: [],
  };
  const key = await generateRepositoryKey({ userId: 'A depot', date: DATE });
  const read = async (path: string): Promise<Buffer> => files.get(path.slice(PATH.length + 1)) ?? Buffer.alloc(0);
  for (const [path, content] of await packageFormat('apt').sign(repository, { key, date: DATE, read }))
    files.set(path, Buffer.from(content));
  const authority = await testAuthority();
  const server = await startTlsServer(await authority.issue(['localhost']), (request, response) => {
    const content = files.get(decodeURIComponent(request.url ?? '').slice(PATH.length + 2));
    response.writeHead(content === undefined ? 404 : 200, { 'content-length': content?.byteLength ?? 0 });
    response.end(content);
  });
  return {
    repository,
    key: key.publicKey,
    authority: authority.cert,
    url: `https://localhost:${server.port}`,
    close: () => server.close(),
  };
}

/** Writes files below the root of a machine, by path on it. */
export async function writeFiles(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
