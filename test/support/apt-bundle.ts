import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { digestOf } from '../../src/core/index.ts';
import type { AptRecord } from '../../src/ospkg/apt/apt-record.ts';
import { aptPoolPath, writeAptRepository } from '../../src/ospkg/apt/write-repo.ts';
import { smallBundle, SMALL_BUNDLE_DATE, type SmallBundle } from './small-bundle.ts';

const run = promisify(execFile);
const ROOT = 'apt/debian-12';

/** A small bundle whose repository holds real packages, made with dpkg-deb: caisson-app needs caisson-lib. */
export async function aptBundle(directory: string): Promise<SmallBundle> {
  const packages = [
    await makePackage(directory, { Package: 'caisson-lib', Version: '2:1.0~rc1+x', Architecture: 'amd64' }),
    await makePackage(directory, { Package: 'caisson-app', Version: '1.0', Architecture: 'all', Depends: 'caisson-lib (>= 2:0.9)' }),
  ];
  const metadata = writeAptRepository({
    codename: 'bookworm',
    architectures: ['amd64'],
    origin: 'Caisson',
    label: 'Caisson',
    date: SMALL_BUNDLE_DATE,
    packages: packages.map(({ record }) => ({ record, path: aptPoolPath(record) })),
  });
  const base = smallBundle();
  const contents = new Map([...base.contents].filter(([path]) => !path.startsWith(ROOT)));
  for (const { record, bytes } of packages) contents.set(`${ROOT}/${aptPoolPath(record)}`, bytes);
  return {
    contents,
    input: {
      ...base.input,
      repositories: [
        {
          id: 'debian-12',
          type: 'apt',
          path: ROOT,
          codename: 'bookworm',
          architectures: ['amd64'],
          components: ['main'],
          packages: packages.map(({ record }) => ({
            name: record.name,
            version: record.version,
            architecture: record.architecture,
            path: `${ROOT}/${aptPoolPath(record)}`,
            set: ['app'],
          })),
        },
      ],
      files: [
        ...base.input.files.filter(({ path }) => !path.startsWith(ROOT)),
        ...[...metadata].map(([path, content]) => ({
          path: `${ROOT}/${path}`,
          kind: 'repository' as const,
          size: content.byteLength,
          digest: digestOf(content),
          mode: 0o644,
          origin: 'builder',
          content,
        })),
        ...packages.map(({ record, bytes }) => ({
          path: `${ROOT}/${aptPoolPath(record)}`,
          kind: 'package' as const,
          size: bytes.byteLength,
          digest: digestOf(bytes),
          mode: 0o644,
          origin: 'test',
        })),
      ],
    },
  };
}

async function makePackage(directory: string, fields: Readonly<Record<string, string>>): Promise<{ record: AptRecord; bytes: Buffer }> {
  const name = fields['Package'] ?? '';
  const [root, file] = [join(directory, name), join(directory, `${name}.deb`)];
  const control = { ...fields, Maintainer: 'Nobody <nobody@example.com>', Description: 'a package for a test' };
  const text = Object.entries(control)
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n');
  await mkdir(join(root, 'DEBIAN'), { recursive: true });
  await mkdir(join(root, 'usr/share', name), { recursive: true });
  await writeFile(join(root, 'usr/share', name, 'data'), `${name}\n`.repeat(5000));
  await writeFile(join(root, 'DEBIAN/control'), `${text}\n`);
  await run('dpkg-deb', ['--build', '--root-owner-group', root, file]);
  const bytes = await readFile(file);
  const digest = digestOf(bytes);
  const version = fields['Version'] ?? '';
  const stanza = `${text}\nFilename: pool/x.deb\nSize: ${bytes.byteLength}\nSHA256: ${digest.slice('sha256:'.length)}`;
  const record: AptRecord = {
    name,
    version,
    architecture: fields['Architecture'] ?? '',
    source: { name, version },
    repository: 'http://mirror.example',
    filename: 'pool/x.deb',
    size: bytes.byteLength,
    digest,
    stanza,
  };
  return { record, bytes };
}
