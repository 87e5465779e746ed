import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blobPath, type BundlePlan } from '../../src/bundle/index.ts';
import { digestOf, hexOf, silent } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot, type RunningDepot } from '../../src/depot/index.ts';
import { ask } from '../support/ask.ts';
import { GENERATED_IMAGE, writeGeneratedBundle } from '../support/generated-bundle.ts';
import { cutIntoVolumes } from '../support/volumes.ts';

const MIB = 2 ** 20;
/** Every blob lies in two volumes or three. */
const SIZE = 3 * MIB + 333;

let directory: string;
let plan: BundlePlan;
let whole: Buffer;
let depot: RunningDepot;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-volumes-'));
  const bundle = join(directory, 'generated.tar');
  plan = await writeGeneratedBundle({ output: bundle, blobs: 3, blobSize: 4 * MIB + 77 });
  whole = readFileSync(bundle);
  const bundles = cutIntoVolumes(bundle, SIZE, { directoryOf: (number) => join(directory, `disk-${number}`) });
  await rm(bundle);
  depot = await startDepot({ bundles, repositoryKey: await makeRepositoryKey(), host: '127.0.0.1', port: 0, emit: silent });
});
afterAll(async () => {
  await depot.close(0);
  await rm(directory, { recursive: true, force: true });
});

describe('a depot over volumes in several directories', () => {
  it('is pulled from by skopeo, every layer byte for byte', async () => {
    const host = `127.0.0.1:${depot.port}`;
    const target = join(directory, 'copy');
    const source = `docker://${host}/${GENERATED_IMAGE}`;
    await ask(directory, 'skopeo', '--insecure-policy', 'copy', '--src-tls-verify=false', '--preserve-digests', source, `dir:${target}`);
    const [image] = plan.manifest.images;
    expect(digestOf(readFileSync(join(target, 'manifest.json')))).toBe(image?.root.digest);
    for (const { digest } of image?.platforms[0]?.layers ?? []) expect(digestOf(readFileSync(join(target, hexOf(digest))))).toBe(digest);
  });

  it('answers a range across the border of two volumes', async () => {
    const layers = plan.manifest.images[0]?.platforms[0]?.layers ?? [];
    let asked = 0;
    for (const { digest, size } of layers) {
      const offset = plan.members.find(({ path }) => path === blobPath(digest))?.offset ?? 0;
      for (let border = Math.ceil(offset / SIZE) * SIZE; border < offset + size; border += SIZE) {
        const [start, end] = [Math.max(offset, border - 700), Math.min(offset + size, border + 900_000)];
        const response = await fetch(`${depot.url}/v2/generated/blobs/${digest}?ns=registry.example`, {
          headers: { range: `bytes=${start - offset}-${end - offset - 1}` },
        });
        expect(response.status).toBe(206);
        expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(start, end))).toBe(true);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThanOrEqual(4);
  });
});
