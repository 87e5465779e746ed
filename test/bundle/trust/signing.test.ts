import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  BundleWriter,
  openBundle,
  planBundle,
  readTrust,
  requireTrust,
  signBundle,
  signedPlan,
  signPlan,
  verifyBundle,
} from '../../../src/bundle/index.ts';
import { tarHeader } from '../../../src/io/index.ts';
import { allow, makeKey, signerOf } from '../../support/signing-keys.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const file = (name: string): string => join(directory(), name);
const NOW = new Date('2026-06-01T00:00:00Z');

async function signedBundle(...names: readonly string[]): Promise<string> {
  const path = file(`bundle-${names.join('-')}.tar`);
  await writeSmallBundle(path);
  for (const name of names) await signBundle(path, [await signerOf(await makeKey(directory(), name))]);
  return path;
}

describe('signing a bundle', () => {
  it('moves no byte of any other member, and gives what a build with the key gives', async () => {
    const plain = file('plain.tar');
    const plan = await writeSmallBundle(plain);
    const before = await readFile(plain);
    const signer = await signerOf(await makeKey(directory(), 'one'));
    expect(await signBundle(plain, [signer])).toEqual(['SHA256SUMS.sig']);
    const after = await readFile(plain);
    expect(after.subarray(0, before.length - 1024)).toEqual(before.subarray(0, before.length - 1024));

    const built = signedPlan(planBundle(smallBundle().input), await signPlan(plan, [signer]));
    const writer = await BundleWriter.create(built, file('built.tar'));
    for (const entry of writer.pending())
      await writer.fill(entry, Readable.from([smallBundle().contents.get(entry.path) ?? Buffer.alloc(0)]));
    await writer.finish();
    expect(await readFile(file('built.tar'))).toEqual(after);
  });

  it('keeps the identity, and the signatures of others', async () => {
    const path = await signedBundle('one', 'two');
    const report = await verifyBundle(path);
    expect(report.findings).toEqual([]);
    expect(report.signatures.map(({ member }) => member)).toEqual(['SHA256SUMS.sig', 'SHA256SUMS.2.sig']);
    expect(report.bundleDigest).toBe(planBundle(smallBundle().input).bundleDigest);
  });

  it('is done once for each key', async () => {
    const path = await signedBundle('one');
    const before = await readFile(path);
    expect(await signBundle(path, [await signerOf(file('one'))])).toEqual([]);
    expect(await readFile(path)).toEqual(before);
  });

  it('that was killed between its writes is seen, and mended by the next run', async () => {
    const path = await signedBundle('one');
    const whole = await readFile(path);
    const plain = file('plain.tar');
    const plan = await writeSmallBundle(plain);
    for (const [start, end] of [
      [plan.size - 512, whole.length],
      [plan.size - 512, plan.size + 100],
      [plan.size - 1024, plan.size],
    ] as const) {
      const torn = file(`torn-${end}-${start}.tar`);
      await writeSmallBundle(torn);
      const handle = await open(torn, 'r+');
      await handle.write(whole, start, end - start, start);
      await handle.close();
      expect((await verifyBundle(torn)).findings).not.toEqual([]);
      await signBundle(torn, [await signerOf(file('one'))]);
      expect(await readFile(torn)).toEqual(whole);
    }
  });

  it('refuses what is no whole bundle', async () => {
    const path = await signedBundle();
    const signer = await signerOf(await makeKey(directory(), 'one'));
    await truncate(path, 20_000);
    await expect(signBundle(path, [signer])).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
  });

  it('removes no bytes that follow the bundle and are no rest of a signature', async () => {
    const path = await signedBundle();
    const signer = await signerOf(await makeKey(directory(), 'one'));
    const plain = await readFile(path);
    for (const tail of ['x'.repeat(1024), `${'\0'.repeat(700)}x${'\0'.repeat(323)}`, `${'\0'.repeat(1023)}x`]) {
      await writeFile(path, Buffer.concat([plain, Buffer.from(tail, 'latin1')]));
      await expect(signBundle(path, [signer])).rejects.toMatchObject({
        code: 'BUNDLE_DAMAGED',
        message: expect.stringContaining('bytes follow its end, and they are not the rest of a signature'),
      });
      expect(await readFile(path)).toEqual(Buffer.concat([plain, Buffer.from(tail, 'latin1')]));
    }
  });

  it('has an end: sixteen signatures', async () => {
    const path = file('bundle.tar');
    await writeSmallBundle(path);
    const signers = await Promise.all(Array.from({ length: 17 }, async (_, index) => signerOf(await makeKey(directory(), `k${index}`))));
    await signBundle(path, signers.slice(0, 16));
    expect((await verifyBundle(path)).findings).toEqual([]);
    await expect(signBundle(path, signers)).rejects.toMatchObject({
      code: 'BUNDLE_PLAN_INVALID',
      message: expect.stringContaining('at most 16'),
    });
  });
});

describe('a signature', () => {
  it('of another bundle is a fault, whoever made it', async () => {
    const other = file('other.tar');
    const plan = await writeSmallBundle(other, smallBundle({ version: '9' }));
    const [signature = ''] = await signPlan(planBundle(smallBundle().input), [await signerOf(await makeKey(directory(), 'one'))]);
    const handle = await open(other, 'r+');
    const tail = signedPlan(plan, [signature]);
    const [member] = tail.members.slice(-1);
    if (member === undefined) throw new Error('it was planned');
    await handle.truncate(tail.size);
    await handle.write(tarHeader(member, new Date(plan.manifest.date)), 0, 512, member.headerOffset);
    await handle.write(signature, member.offset);
    await handle.close();
    expect((await verifyBundle(other)).findings).toEqual([
      {
        member: 'SHA256SUMS.sig',
        reason: expect.stringMatching(/^it is no signature of this bundle: key SHA256:.* did not sign these bytes$/),
      },
    ]);
    const reader = await openBundle(other);
    const trust = await readTrust({ allowedSigners: await allow(directory(), ['one']) }, NOW);
    expect(() => requireTrust(reader, trust)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID', exitStatus: 4 }));
    await reader.close();
    // A bundle whose SHA256SUMS cannot be found has both faults.
    const sums = plan.members.find(({ path }) => path === 'SHA256SUMS');
    const damaged = await open(other, 'r+');
    await damaged.write(Buffer.alloc(512, 'x'), 0, 512, sums?.headerOffset ?? 0);
    await damaged.close();
    expect((await verifyBundle(other)).findings.map(({ member }) => member)).toEqual(
      expect.arrayContaining(['SHA256SUMS', 'SHA256SUMS.sig']),
    );
  });
});

describe('trust', () => {
  async function verdict(names: readonly string[], allowed: readonly string[], more: { options?: string; revoked?: string } = {}) {
    const path = await signedBundle(...names);
    for (const name of allowed) if (!names.includes(name)) await makeKey(directory(), name);
    const allowedSigners = await allow(directory(), allowed, more.options);
    const revokedKeys = more.revoked === undefined ? undefined : file(`${more.revoked}.pub`);
    const trust = await readTrust({ allowedSigners, revokedKeys }, NOW);
    const reader = await openBundle(path);
    try {
      requireTrust(reader, trust);
      return 'trusted';
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error;
    } finally {
      await reader.close();
    }
  }

  it('needs one signature of an allowed signer', async () => {
    expect(await verdict(['one'], ['one'])).toBe('trusted');
    expect(await verdict(['two', 'three'], ['three'])).toBe('trusted');
    expect(await verdict(['four'], ['five'])).toBe('SIGNER_UNKNOWN');
    expect(await verdict([], ['six'])).toBe('SIGNATURE_MISSING');
  });

  it('ends with the time of a signer, and with the revocation of the key', async () => {
    expect(await verdict(['one'], ['one'], { options: 'valid-before="20260101Z"' })).toBe('SIGNER_UNKNOWN');
    expect(await verdict(['two'], ['two'], { options: 'namespaces="git"' })).toBe('SIGNER_UNKNOWN');
    expect(await verdict(['three'], ['three'], { revoked: 'three' })).toBe('SIGNER_UNKNOWN');
    expect(await verdict(['four', 'five'], ['four', 'five'], { revoked: 'four' })).toBe('trusted');
  });

  it('names the line of every mistake in its files', async () => {
    const allowedSigners = await allow(directory(), []);
    await writeFile(allowedSigners, 'a@example.com ssh-ed25519 AAAA\n# fine\nb@example.com nonsense=1 ssh-ed25519 AAAA\n');
    await expect(readTrust({ allowedSigners }, NOW)).rejects.toThrow(/allowed_signers:1:15: [\s\S]*allowed_signers:3:15: /);
    await expect(readTrust({ allowedSigners: file('none') }, NOW)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
