import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, hexOf, silent, systemClock } from '../../src/core/index.ts';
import { signRelease } from '../../src/ospkg/apt/sign-repo.ts';
import { generateRepositoryKey } from '../../src/ospkg/index.ts';
import { buildBundle, type BuildRequest, type BuildResult } from '../../src/builder/build-bundle.ts';
import { parseMirrors } from '../../src/builder/mirrors.ts';
import { connectUpstream } from '../../src/builder/upstream.ts';
import { aptMirror } from '../lab/prerequisites.ts';
import { run } from '../lab/run.ts';
import { startUpstream, type Upstream as Registry } from '../lab/upstream.ts';
import { privateApt } from '../support/private-apt.ts';
import { sampleImage, sampleIndex, sampleLayer, type SampleDocument } from '../support/sample-image.ts';

const ROOT = join(import.meta.dirname, '../..');
const base = sampleLayer('base', 300_000);
const web = sampleImage([base, sampleLayer('web', 200_000)]);
const arm = { os: 'linux', architecture: 'arm64' };
const many = sampleIndex([
  { document: sampleImage([base]), platform: { os: 'linux', architecture: 'amd64' } },
  { document: sampleImage([base, sampleLayer('arm')], { platform: arm }), platform: arm },
]);

describe('build-bundle with a real registry and a real Debian mirror', () => {
  let directory = '';
  let registry: Registry | undefined;
  let first: BuildResult;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-authority-'));
    registry = await startUpstream();
    await registry.push(await writeLayout(join(directory, 'web'), web), 'team/web:1.0');
    const layout = await writeLayout(join(directory, 'many'), many);
    const flags = ['--insecure-policy', 'copy', '--quiet', '--all', '--dest-tls-verify=false'];
    await run(['skopeo', ...flags, `oci:${layout}`, `docker://127.0.0.1:${registry.port}/team/many:1.0`]);
    await writeInputs(directory);
    first = await build('one/demo.tar');
    await mkdir(join(directory, 'extracted'));
    await run(['tar', '-xf', first.output, '-C', join(directory, 'extracted')]);
  });
  afterAll(async () => {
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function build(output: string, changes: Partial<BuildRequest> = {}, mirrors = ownMirrors()): Promise<BuildResult> {
    const upstream = await connectUpstream({
      imageLists: ['images.txt'],
      mirrors: parseMirrors(mirrors),
      env: {},
      clock: systemClock,
      emit: silent,
    });
    try {
      return await buildBundle(
        {
          manifests: join(directory, 'manifests'),
          images: [join(directory, 'images.txt')],
          platforms: [{ os: 'linux', architecture: 'amd64' }],
          executables: [join(directory, 'caisson-linux-amd64')],
          self: { path: join(directory, 'main.js'), standalone: false },
          output: join(directory, output),
          lock: join(directory, 'bundle.lock.json'),
          frozen: false,
          update: false,
          bases: [],
          signers: [],
          planOnly: false,
          jobs: 8,
          ...changes,
        },
        upstream,
      );
    } finally {
      await upstream.close();
    }
  }

  function ownMirrors(): string[] {
    return [`docker.io=${registry?.url}`, `ftp.debian.org=${aptMirror().main.replace(/\/debian\/?$/, '')}`];
  }

  it('makes a file that GNU tar extracts and sha256sum finds in order', async () => {
    const checked = await run(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: join(directory, 'extracted') });
    expect(checked.stdout).toMatch(/^bundle\.json: OK$/m);
    expect(checked.stdout.split('\n').filter((line) => line.startsWith('blobs/sha256/') && line.endsWith(': OK'))).toHaveLength(
      new Set([
        web.descriptor.digest,
        ...web.blobs.keys(),
        ...first.plan.manifest.images
          .flatMap(({ platforms }) => platforms)
          .flatMap(({ manifest, config }) => [manifest.digest, config.digest]),
      ]).size,
    );
  });

  it('makes an archive from which skopeo copies images by their names, byte for byte', async () => {
    const target = join(directory, 'copied');
    await run(['skopeo', '--insecure-policy', 'copy', '--quiet', `oci-archive:${first.output}:docker.io/team/web:1.0`, `dir:${target}`]);
    expect(digestOf(await readFile(join(target, 'manifest.json')))).toBe(web.descriptor.digest);
  });

  it('records canonical origins, whichever mirrors were asked', async () => {
    const lock = await readFile(join(directory, 'bundle.lock.json'), 'utf8');
    expect(lock).not.toContain('127.0.0.1');
    expect(first.lock.images.map(({ origin }) => origin)).toEqual([
      expect.stringMatching(/^docker\.io\/team\/many:1\.0@sha256:/),
      expect.stringMatching(/^docker\.io\/team\/web:1\.0@sha256:/),
    ]);
    const origins = new Set(first.plan.manifest.entries.filter(({ kind }) => kind === 'package').map(({ origin }) => new URL(origin).host));
    expect([...origins]).toEqual(['ftp.debian.org']);
  });

  it('carries a repository from which apt installs into an empty system, once it is signed', async () => {
    const repository = join(directory, 'extracted/apt/debian-12');
    const date = new Date(first.plan.manifest.date);
    const key = await generateRepositoryKey({ userId: 'site', date });
    const release = await readFile(join(repository, 'dists/bookworm/Release'), 'utf8');
    const { inRelease } = await signRelease(release, key.privateKey, date);
    await writeFile(join(repository, 'dists/bookworm/InRelease'), inRelease);
    await writeFile(join(directory, 'site.asc'), key.publicKey);
    const apt = privateApt(join(directory, 'apt'), `deb [signed-by=${directory}/site.asc] file:${repository} bookworm main\n`);

    expect(await apt.get('update')).toMatchObject({ status: 0, stderr: '' });
    const installed = (await apt.wouldInstall('install', 'jq')).map((line) => line.split(' ')[0]);
    expect(installed).toEqual(expect.arrayContaining(['jq', 'libjq1', 'libc6']));
    // What is essential is there too: a host in any state can be brought up to it.
    await expect(apt.wouldInstall('install', 'dpkg', 'coreutils', 'base-files')).resolves.not.toEqual([]);
    expect(await apt.get('install', '--yes', '--download-only', 'jq')).toMatchObject({ status: 0 });
  });

  it('gives the same sha256 again from the lock alone, in another directory', async () => {
    const second = await build('two/demo.tar', { frozen: true, jobs: 2 });
    expect(second.outcome).toBe('built');
    const sums = await run(['sha256sum', first.output, second.output]);
    const [one, two] = sums.stdout.split('\n').map((line) => line.slice(0, 64));
    expect(two).toBe(one);
  });

  it('sees that nothing changed without asking a server', async () => {
    const again = await build('one/demo.tar', {}, ['docker.io=http://127.0.0.1:1', 'ftp.debian.org=http://127.0.0.1:1']);
    expect(again.outcome).toBe('unchanged');
  });

  it('keeps the index of an image when several platforms are asked for', async () => {
    await writeFile(join(directory, 'images-many.txt'), 'team/many:1.0\n');
    await writeFile(join(directory, 'caisson-linux-arm64'), 'for arm64');
    const { lock } = await build('three/demo.tar', {
      planOnly: true,
      images: [join(directory, 'images-many.txt')],
      lock: join(directory, 'many.lock.json'),
      executables: [],
      platforms: [{ os: 'linux', architecture: 'amd64' }, arm],
    });
    expect(lock.images).toMatchObject([{ root: { digest: many.descriptor.digest }, platforms: ['linux/amd64', 'linux/arm64'] }]);
    expect(lock.operatingSystems.map(({ architecture }) => architecture)).toEqual(['amd64', 'arm64']);
  });

  it('names what the registry and the repository do not have, all at once', async () => {
    await writeFile(join(directory, 'images-wrong.txt'), 'team/web:1.0\nteam/absent:1.0\nteam/web:9.9 as team/other:1\n');
    const failure = await build('four/demo.tar', {
      images: [join(directory, 'images-wrong.txt')],
      lock: join(directory, 'wrong.lock.json'),
      executables: [],
      platforms: [arm],
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BUILD_UNRESOLVED', exitStatus: 5 });
    const message = failure instanceof Error ? failure.message : '';
    expect(message).toMatch(/image "docker\.io\/team\/absent:1\.0": .*MANIFEST_UNKNOWN|image "docker\.io\/team\/absent:1\.0": .*404/);
    expect(message).toContain('image "docker.io/team/web:9.9"');
    expect(message).toMatch(/image "docker\.io\/team\/web:1\.0": .*linux\/arm64/);
  });
});

/** An OCI image layout with one document. */
async function writeLayout(directory: string, document: SampleDocument): Promise<string> {
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  for (const [digest, bytes] of [...document.blobs, [document.descriptor.digest, document.bytes] as const]) {
    await writeFile(join(directory, 'blobs/sha256', hexOf(digest)), bytes);
  }
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [document.descriptor] }));
  return directory;
}

async function writeInputs(directory: string): Promise<void> {
  const write = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  };
  await write('caisson-linux-amd64', 'stands in for the executable');
  await write('images.txt', 'team/web:1.0\nteam/many:1.0\n');
  await write(
    'manifests/platform.yaml',
    'apiVersion: caisson/v1\nkind: Platform\nname: demo\nversion: "1.0"\ndefinitionsDirectory: /opt/demo\n',
  );
  await write(
    'manifests/roles/node.yaml',
    'apiVersion: caisson/v1\nkind: Role\nname: node\nsummary: Every host\ncomponents: []\npackageSets: [tools]\n',
  );
  await write(
    'manifests/os/debian-12.yaml',
    [
      'apiVersion: caisson/v1',
      'kind: OperatingSystem',
      'id: debian',
      'version: "12"',
      'packages: apt',
      'codename: bookworm',
      'repositories:',
      '  - { url: "http://ftp.debian.org/debian", suites: [bookworm, bookworm-updates], components: [main], signedBy: keys/debian.gpg }',
      'base: { priorities: [required] }',
      'packageSets: [{ name: tools, packages: [jq] }]',
      '',
    ].join('\n'),
  );
  await mkdir(join(directory, 'manifests/os/keys'));
  await copyFile(join(ROOT, 'manifests/os/keys/debian-archive-keyring.gpg'), join(directory, 'manifests/os/keys/debian.gpg'));
}
