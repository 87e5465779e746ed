import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, planBundle, type BundlePlan } from '../../src/bundle/index.ts';
import { digestOf, type Digest } from '../../src/core/index.ts';
import { tarHeader } from '../../src/io/index.ts';
import { ask } from '../support/ask.ts';
import { NAMES } from '../support/readers-bundle.ts';
import { smallBundle } from '../support/small-bundle.ts';

/** One byte more than ustar can say. */
const SIZE = 8 * 2 ** 30 + 1;
const LARGE = 'documents/large.img';
/** What lies on both sides of the large member, and at the end of the file. */
const OTHERS = ['SHA256SUMS', 'documents/hello.txt', 'apt/debian-12/pool/alpha_1.0_amd64.deb'];

const { input, contents } = smallBundle();
let directory: string;
let bundle: string;
let plan: BundlePlan;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-large-'));
  bundle = join(directory, 'large.tar');
  plan = planBundle({
    ...input,
    files: [
      ...input.files,
      { path: LARGE, kind: 'document', size: SIZE, digest: digestOfZeros(SIZE), mode: 0o644, origin: 'builder' },
      {
        path: 'documents/hello.txt',
        kind: 'document',
        size: 6,
        digest: digestOf('hello\n'),
        mode: 0o644,
        origin: 'builder',
        content: Buffer.from('hello\n'),
      },
    ],
  });
  await writeWithHoles(plan, bundle);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function digestOfZeros(size: number): Digest {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(2 ** 20);
  for (let left = size; left > 0; left -= zeros.length) hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  return `sha256:${hash.digest('hex')}`;
}

/** The finished bundle, with a hole where the large member is: it takes no room on disk. */
async function writeWithHoles({ members, size, manifest }: BundlePlan, path: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.truncate(size);
    for (const member of members) {
      await file.write(tarHeader(member, new Date(manifest.date)), 0, undefined, member.headerOffset);
      const bytes = member.content ?? contents.get(member.path);
      if (bytes !== undefined && bytes.byteLength > 0) await file.write(bytes, 0, undefined, member.offset);
    }
  } finally {
    await file.close();
  }
}

describe('a bundle with a member of more than 8 GiB', () => {
  it.each([
    ['GNU tar', ['tar']],
    ['bsdtar', ['bsdtar']],
    ['busybox tar', ['busybox', 'tar']],
  ])('is listed by %s, with its size, and gives the members on both sides', async (_, [tool = '', ...command]) => {
    const listing = (await ask(directory, tool, ...command, '-tvf', bundle)).stdout.trimEnd().split('\n');
    expect(listing.map((line) => line.split(/\s+/).at(-1))).toEqual(plan.members.map(({ path }) => path));
    expect(listing.find((line) => line.endsWith(LARGE))).toMatch(new RegExp(`\\s${SIZE}\\s`));
    const target = join(directory, `out-${tool}`);
    const blob = plan.members.at(-1)?.path ?? '';
    mkdirSync(target);
    const { stderr } = await ask(directory, tool, ...command, '-xf', bundle, '-C', target, ...OTHERS, blob);
    expect(stderr).toBe('');
    for (const path of [...OTHERS, blob]) {
      expect(digestOf(readFileSync(join(target, path)))).toBe(plan.members.find((member) => member.path === path)?.digest);
    }
  });

  it('gives its images to skopeo, without being unpacked', async () => {
    for (const name of [NAMES.oci, NAMES.docker]) {
      const target = join(directory, name.replaceAll(/\W/g, '-'));
      await ask(directory, 'skopeo', '--insecure-policy', 'copy', `docker-archive:${bundle}:${name}`, `dir:${target}`);
      const { config } = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'));
      expect(config.digest).toBe(input.images.find((image) => image.name === name)?.platforms[0]?.config.digest);
    }
  });

  it('gives its images to podman, without being unpacked', async () => {
    const podman = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run'), '--storage-driver', 'vfs'];
    const { stdout } = await ask(directory, 'podman', ...podman, 'pull', `docker-archive:${bundle}:${NAMES.oci}`);
    const config = input.images.find((image) => image.name === NAMES.oci)?.platforms[0]?.config.digest;
    expect(`sha256:${stdout.trim()}`).toBe(config);
  });

  it('is opened in place', async () => {
    const reader = await openBundle(bundle);
    expect(reader.entry(LARGE)?.size).toBe(SIZE);
    expect((await reader.read('documents/hello.txt', { limit: 100 })).toString()).toBe('hello\n');
    await reader.close();
  });
});
