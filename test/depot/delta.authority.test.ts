import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asDelta, readBases } from '../../src/builder/bases.ts';
import { BundleWriter, planBundle, verifyBundle, type BundlePlan, type PlannedFile } from '../../src/bundle/index.ts';
import { silent } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot } from '../../src/depot/index.ts';
import { ask } from '../support/ask.ts';
import { GENERATED_IMAGE, generatedBytes, planGeneratedBundle, writeGeneratedBundle } from '../support/generated-bundle.ts';

const BLOB = 2 ** 20;
const OLD = 24;
const NEW = 36;

let directory: string;
let base: string;
let delta: string;
let plan: BundlePlan;

/** The image of the base with twelve layers more. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-delta-'));
  base = join(directory, 'base.tar');
  delta = join(directory, 'delta.tar');
  await writeGeneratedBundle({ output: base, blobs: OLD, blobSize: BLOB });
  const { manifest, members } = planGeneratedBundle({ output: delta, blobs: NEW, blobSize: BLOB });
  const files: readonly PlannedFile[] = members.filter(({ kind }) => kind !== 'metadata');
  plan = planBundle(asDelta({ ...manifest, version: '2', date: new Date(manifest.date), files }, await readBases([base])));
  const writer = await BundleWriter.create(plan, delta);
  for (const entry of writer.pending()) await writer.fill(entry, generatedBytes(Number(entry.origin.split(' ')[1]), entry.size));
  await writer.finish();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Every layer of what skopeo copied has the digest that its name says. */
async function expectWhole(copy: string): Promise<void> {
  const names = (await readdir(copy)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  expect(names).toHaveLength(NEW + 1);
  for (const name of names) expect(await sha256(join(copy, name))).toBe(name);
}

describe('a delta on a base', () => {
  it('is the new content and at most one per cent more', async () => {
    const { size } = await stat(delta);
    const content = (NEW - OLD) * BLOB;
    expect(plan.members.filter(({ size: bytes }) => bytes === BLOB)).toHaveLength(NEW - OLD);
    expect(size).toBeLessThanOrEqual(content * 1.01);
    expect((await verifyBundle(delta)).findings).toEqual([]);
  });

  it('gives skopeo the whole image when both are served', async () => {
    const depot = await startDepot({
      bundles: [base, delta],
      repositoryKey: await makeRepositoryKey(),
      host: '127.0.0.1',
      port: 0,
      emit: silent,
    });
    try {
      const copy = join(directory, 'served');
      const source = `docker://127.0.0.1:${depot.port}/${GENERATED_IMAGE}`;
      await ask(directory, 'skopeo', '--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', source, `dir:${copy}`);
      await expectWhole(copy);
    } finally {
      await depot.close(0);
    }
  });

  it('is checked by sha256sum alone, and with its base extracted into one directory is an image layout that lacks nothing', async () => {
    const layout = join(directory, 'layout');
    await mkdir(layout);
    await ask(layout, 'tar', '-xf', delta);
    await ask(layout, 'sha256sum', '--quiet', '-c', 'SHA256SUMS');
    for (const bundle of [base, delta]) await ask(layout, 'tar', '-xf', bundle);
    await ask(layout, 'sha256sum', '--quiet', '-c', 'SHA256SUMS');
    const copy = join(directory, 'extracted');
    await ask(directory, 'skopeo', '--insecure-policy', 'copy', '--quiet', `oci:${layout}:${GENERATED_IMAGE}`, `dir:${copy}`);
    await expectWhole(copy);
  });
});
