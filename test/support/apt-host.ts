import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { openLocalHost, type Host } from '../../src/host/index.ts';
import { writeAptRepository } from '../../src/ospkg/apt/write-repo.ts';
import type { SimulationRequest } from '../../src/resources/packages/package-manager.ts';
import { relocatedHost } from './relocated-host.ts';
import { Installer } from './simulated-machine.ts';

/** Fields of a control file besides those that every package has. */
export type ControlFields = Readonly<Record<string, string>> & { readonly Package: string; readonly Version: string };

const DATE = new Date('2025-01-01T00:00:00Z');
const PATH = 'apt/debian-12';

/** The metadata of a bundle's repository with these packages, which have no files. */
export function simulationRequest(packages: readonly ControlFields[]): SimulationRequest {
  const files = writeAptRepository({
    codename: 'bookworm',
    architectures: ['amd64'],
    origin: 'Caisson',
    label: 'Caisson',
    date: DATE,
    packages: packages.map((fields) => ({
      path: `pool/main/${fields.Package}.deb`,
      record: {
        name: fields.Package,
        version: fields.Version,
        architecture: 'amd64',
        source: { name: fields.Package, version: fields.Version },
        repository: 'http://mirror.example',
        filename: `${fields.Package}.deb`,
        size: 1,
        digest: digestOf(''),
        stanza: `${controlFile(fields)}Filename: x.deb\nSize: 1\nSHA256: ${digestOf('').slice('sha256:'.length)}`,
      },
    })),
  });
  const repository: BundleRepository = {
    id: 'debian-12',
    type: 'apt',
    path: PATH,
    codename: 'bookworm',
    architectures: ['amd64'],
    components: ['main'],
    packages: [],
  };
  const read = async (path: string): Promise<Buffer> => {
    const content = files.get(path.slice(PATH.length + 1));
    if (content === undefined) throw new Error(`the repository has no ${path}`);
    return content;
  };
  return { repository, architecture: 'amd64', date: DATE, read };
}

/**
 * A host with the real tools and these installed packages, whose database lies in `directory`, as do its temporary files, in
 * `temporary`. Status is `install ok installed` by default.
 */
export async function hostWithPackages(directory: string, packages: readonly ControlFields[]): Promise<Host> {
  const database = join(directory, 'dpkg');
  const temporary = join(directory, 'temporary');
  for (const path of [join(database, 'info'), join(database, 'updates'), temporary]) await mkdir(path, { recursive: true });
  const text = packages.map((fields) => `${controlFile({ Status: 'install ok installed', ...fields })}\n`).join('');
  await writeFile(join(database, 'status'), text);
  return relocatedHost(openLocalHost({ name: 'here' }), {
    places: { '/var/lib/dpkg': database },
    prefix: ['env', `TMPDIR=${temporary}`],
    installer: new Installer(),
  });
}

function controlFile(fields: ControlFields): string {
  return Object.entries({ Architecture: 'amd64', Maintainer: 'A Person <person@example.com>', Description: 'a package', ...fields })
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
