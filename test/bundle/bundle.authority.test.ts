import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundlePlan } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { dockerEngine } from '../support/docker-engine.ts';
import { writeGeneratedBundle } from '../support/generated-bundle.ts';
import { smallBundle, writeSmallBundle } from '../support/small-bundle.ts';

const execute = promisify(execFile);

/** What to install when a tool is missing. */
const PACKAGES: Readonly<Record<string, string>> = {
  tar: 'tar',
  bsdtar: 'libarchive-tools',
  busybox: 'busybox',
  sha256sum: 'coreutils',
  skopeo: 'skopeo',
};

let directory: string;
let bundle: string;
let plan: BundlePlan;
const { contents, input } = smallBundle();
const alpha = input.images.find(({ name }) => name === 'docker.io/library/alpha:1.0');
const gamma = input.images.find(({ name }) => name === 'registry.example/team/gamma:v3');

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-authority-'));
  bundle = join(directory, 'lab.tar');
  plan = await writeSmallBundle(bundle);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(tool: string, argv: readonly string[], cwd = directory): Promise<string> {
  try {
    return (await execute(tool, argv, { cwd, env: { ...process.env, TMPDIR: directory, TZ: 'UTC', LC_ALL: 'C' }, maxBuffer: 2 ** 26 }))
      .stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`this test asks ${tool}: install the Debian package ${PACKAGES[tool] ?? tool}`, { cause: error });
    }
    throw error;
  }
}

describe.each([
  ['GNU tar', 'tar', ['tar']],
  ['bsdtar', 'bsdtar', ['bsdtar']],
  ['busybox tar', 'busybox', ['busybox', 'tar']],
])('%s', (_, tool, command) => {
  const tar = (...argv: readonly string[]): Promise<string> => run(tool, [...command.slice(1), ...argv]);

  it('lists the members in their order, without a complaint', async () => {
    expect((await tar('-tf', bundle)).trimEnd().split('\n')).toEqual(plan.members.map(({ path }) => path));
  });

  it('extracts what sha256sum then finds whole', async () => {
    const target = join(directory, `out-${tool}`);
    mkdirSync(target);
    await tar('-xf', bundle, '-C', target);
    const output = await run('sha256sum', ['-c', '--strict', 'SHA256SUMS'], target);
    const checked = output.trimEnd().split('\n');
    expect(checked.every((line) => line.endsWith(': OK'))).toBe(true);
    expect(checked).toHaveLength(plan.members.length - 1);
    for (const [path, bytes] of contents) expect(readFileSync(join(target, path)).equals(bytes)).toBe(true);
  });
});

describe('the header of a member', () => {
  it('shows root, the mode and the date of the bundle to GNU tar', async () => {
    const lines = (await run('tar', ['--numeric-owner', '--full-time', '-tvf', bundle])).trimEnd().split('\n');
    expect(lines).toHaveLength(plan.members.length);
    for (const line of lines) expect(line).toMatch(/^-rw(-r--r--|xr-xr-x) 0\/0 +\d+ 2026-03-04 05:06:07 \S+$/);
    expect(lines.find((line) => line.endsWith(' caisson'))).toMatch(/^-rwxr-xr-x/);
  });

  it('says where the data is, as GNU tar counts blocks', async () => {
    const lines = (await run('tar', ['-tRf', bundle])).trimEnd().split('\n');
    const blocks = lines.flatMap((line) => (/\*\*/.test(line) ? [] : [Number(/^block (\d+):/.exec(line)?.[1]) * 512]));
    expect(blocks).toEqual(plan.members.map(({ offset }) => offset - 512));
  });

  it('holds a member beyond 8 GiB', async () => {
    const sparse = join(directory, 'sparse.tar');
    const large = await writeGeneratedBundle({ output: sparse, blobs: 1, blobSize: 9 * 2 ** 30, sparse: true });
    const listing = await run('tar', ['-tvf', sparse]);
    expect(listing).toMatch(/ 9663676416 .* blobs\/sha256\//);
    expect(listing.trimEnd().split('\n')).toHaveLength(large.members.length);
    rmSync(sparse);
  });
});

describe('skopeo', () => {
  it('finds an OCI image in the bundle by its full name', async () => {
    const raw = await run('skopeo', ['inspect', '--raw', `oci-archive:${bundle}:docker.io/library/alpha:1.0`]);
    expect(digestOf(raw)).toBe(alpha?.root.digest);
    const index = await run('skopeo', ['inspect', '--raw', `oci-archive:${bundle}:registry.example/team/gamma:v3`]);
    expect(digestOf(index)).toBe(gamma?.root.digest);
  });

  it('copies an index with all its platforms, byte for byte', async () => {
    const target = join(directory, 'gamma');
    await run('skopeo', [
      '--insecure-policy',
      'copy',
      '--all',
      '--preserve-digests',
      `oci-archive:${bundle}:registry.example/team/gamma:v3`,
      `dir:${target}`,
    ]);
    expect(digestOf(readFileSync(join(target, 'manifest.json')))).toBe(gamma?.root.digest);
  });

  it('copies a docker-typed image out of the bundle as a docker archive', async () => {
    const target = join(directory, 'beta');
    await run('skopeo', ['--insecure-policy', 'copy', `docker-archive:${bundle}:docker.io/library/beta:latest`, `dir:${target}`]);
    const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'));
    expect(manifest.config.digest).toBe(input.images.find(({ name }) => name.includes('beta'))?.platforms[0]?.config.digest);
  });
});

describe('docker', () => {
  it('loads the images of the first platform under their names', async () => {
    const engine = await dockerEngine();
    const names = ['alpha:1.0', 'alpha:stable', 'beta:latest', 'registry.example/team/gamma:v3'];
    try {
      const { stdout } = await engine.docker(['load', '-i', bundle]);
      for (const name of names) expect(stdout).toContain(`Loaded image: ${name}`);
      const inspected = await engine.docker([
        'image',
        'inspect',
        '--format',
        '{{.Id}} {{.Architecture}}',
        'registry.example/team/gamma:v3',
      ]);
      expect(inspected.stdout.trim()).toBe(`${gamma?.platforms[0]?.config.digest} amd64`);
    } finally {
      await engine.docker(['image', 'rm', '--force', ...names]);
    }
  });
});
