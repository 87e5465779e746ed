import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle, planBundle, requireTrust, signBundle, verifyBundle, type Trust } from '../../../src/bundle/index.ts';
import { hasCode } from '../../../src/core/index.ts';
import { roundToBlock, tarHeader } from '../../../src/io/index.ts';
import { parseAllowedSigners, parseRevokedKeys, signDetached, type Signer } from '../../../src/sshsig/index.ts';
import { sumsOf, writeSignedBundle } from '../../support/signed-bundle.ts';
import { keyLine, memorySigner } from '../../support/signing-keys.ts';
import { small, smallBundle, SMALL_BUNDLE_DATE } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const [alice, bob, carol] = [memorySigner(1), memorySigner(2), memorySigner(3)];

async function findings(path: string): Promise<readonly string[]> {
  return (await verifyBundle(path, { workers: 0 })).findings.map(({ member, reason }) => `${member}: ${reason}`);
}

/** A member with the canonical header of a signature, and what else it is given. */
function member(path: string, text: string, date = SMALL_BUNDLE_DATE): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const padding = Buffer.alloc(roundToBlock(bytes.length) - bytes.length);
  return Buffer.concat([tarHeader({ path, size: bytes.length, mode: 0o644 }, date), bytes, padding]);
}

const END = Buffer.alloc(1024);

describe('a signing that is killed', () => {
  it('leaves what verify refuses without blaming another member, and the next one makes whole', async () => {
    const [path, whole] = [join(temp(), 'killed.tar'), join(temp(), 'whole.tar')];
    await writeSignedBundle(path, [alice]);
    await writeSignedBundle(whole, [alice, bob]);
    const [before, after] = [readFileSync(path), readFileSync(whole)];
    const end = before.length - 1024;
    // The header of the new signature goes last: everything behind it can be there in any part.
    for (let written = end + 512; written <= after.length; written += 101) {
      const torn = Buffer.alloc(Math.max(before.length, written));
      before.copy(torn);
      after.copy(torn, end + 512, end + 512, written);
      writeFileSync(path, torn);
      for (const finding of await findings(path)) expect(finding).toMatch(/^\(bundle\): /);
      expect(await signBundle(path, [bob])).toEqual(['SHA256SUMS.2.sig']);
      expect(readFileSync(path).equals(after), `killed after ${written} bytes`).toBe(true);
    }
  });

  it('is made whole also by somebody whose signature is there already, or who signs less', async () => {
    const path = join(temp(), 'rest.tar');
    await writeSignedBundle(path, [alice]);
    const before = readFileSync(path);
    const rest = Buffer.concat([Buffer.from('-----BEGIN SSH SIGNATURE-----\n'), Buffer.alloc(9000, 'x')]);
    writeFileSync(path, Buffer.concat([before.subarray(0, -512), rest]));
    expect(await findings(path)).not.toEqual([]);
    expect(await signBundle(path, [alice])).toEqual([]);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('cannot be confused with bytes that somebody put behind the end: those stay, and are refused', async () => {
    const path = join(temp(), 'foreign.tar');
    await writeSignedBundle(path, [alice]);
    appendFileSync(path, Buffer.alloc(400_000, 'x'));
    const before = readFileSync(path);
    await expect(signBundle(path, [bob])).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('two who sign at the same time', () => {
  it('both have signed, or one is told that the other is at it', async () => {
    const path = join(temp(), 'both.tar');
    await writeSignedBundle(path, []);
    const results = await Promise.allSettled([signBundle(path, [alice]), signBundle(path, [bob])]);
    const signed = results.filter(({ status }) => status === 'fulfilled').length;
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'BUNDLE_LOCKED' });
    const report = await verifyBundle(path, { workers: 0 });
    expect(report.findings).toEqual([]);
    expect(report.signatures).toHaveLength(signed);
  });

  it('and one who is named twice signs once', async () => {
    const path = join(temp(), 'twice.tar');
    await writeSignedBundle(path, []);
    expect(await signBundle(path, [alice, alice])).toEqual(['SHA256SUMS.sig']);
    expect(await findings(path)).toEqual([]);
  });
});

describe('what is no signature behind a bundle', () => {
  async function withTail(tail: (text: string) => Buffer): Promise<string> {
    const path = join(temp(), 'tail.tar');
    const plan = await writeSignedBundle(path, []);
    const text = await signDetached(alice, 'caisson-bundle', sumsOf(plan));
    writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, -1024), tail(text)]));
    return path;
  }

  it.each<[string, (text: string) => Buffer, string]>([
    ['a name out of sequence', (text) => Buffer.concat([member('SHA256SUMS.2.sig', text), END]), 'SHA256SUMS.'],
    ['another date', (text) => Buffer.concat([member('SHA256SUMS.sig', text, new Date(0)), END]), 'SHA256SUMS.sig: '],
    ['text in other lines', (text) => Buffer.concat([member('SHA256SUMS.sig', text.replaceAll('\n', '\r\n')), END]), 'SHA256SUMS.sig: '],
    ['no text', () => Buffer.concat([member('SHA256SUMS.sig', ''), END]), 'SHA256SUMS.sig: '],
    ['other text', () => Buffer.concat([member('SHA256SUMS.sig', 'x'.repeat(100)), END]), 'SHA256SUMS.sig: '],
    ['a size that no signature has', () => Buffer.concat([member('SHA256SUMS.sig', 'x'.repeat(16385)), END]), 'SHA256SUMS.sig: '],
    ['other end blocks', (text) => Buffer.concat([member('SHA256SUMS.sig', text), Buffer.alloc(1024, 1)]), ''],
    ['one end block', (text) => Buffer.concat([member('SHA256SUMS.sig', text), Buffer.alloc(512)]), ''],
    ['no end blocks', (text) => member('SHA256SUMS.sig', text), ''],
    ['half of one', (text) => member('SHA256SUMS.sig', text).subarray(0, 700), ''],
    ['another file', () => Buffer.concat([member('evil', 'x'), END]), 'evil: '],
    ['another file behind a signature', (text) => Buffer.concat([member('SHA256SUMS.sig', text), member('evil', 'x'), END]), 'evil: '],
    [
      'the same signature seventeen times',
      (text) =>
        Buffer.concat([
          ...Array.from({ length: 17 }, (_, index) => member(index === 0 ? 'SHA256SUMS.sig' : `SHA256SUMS.${index + 1}.sig`, text)),
          END,
        ]),
      'SHA256SUMS.17.sig: ',
    ],
    ['a hole before a signature', (text) => Buffer.concat([Buffer.alloc(512), member('SHA256SUMS.sig', text), END]), ''],
  ])('is refused: %s', async (_, tail, who) => {
    const found = await findings(await withTail(tail));
    expect(found.length).toBeGreaterThan(0);
    expect(found.join('\n')).toContain(who);
  });

  it('is refused: a signature for another purpose', async () => {
    const path = join(temp(), 'receipt.tar');
    const plan = await writeSignedBundle(path, []);
    const receipt = await signDetached(alice, 'caisson-receipt', sumsOf(plan));
    writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, -1024), member('SHA256SUMS.sig', receipt), END]));
    expect(await findings(path)).toEqual([expect.stringMatching(/^SHA256SUMS\.sig: .*"caisson-receipt", want "caisson-bundle"/)]);
    expect(await trusted(path, trust([keyLine(alice)]))).toBe('SIGNATURE_INVALID');
  });

  it('is refused: a name of a signature among the members that are listed', () => {
    for (const path of ['SHA256SUMS.sig', 'SHA256SUMS.2.sig', 'SHA256SUMS.16.sig']) {
      const input = smallBundle({ images: [], repositories: [], files: [small(path, 'x', 'document')] }).input;
      expect(() => planBundle(input)).toThrow(`${path}: it cannot be listed: its name is reserved`);
    }
  });

  it('is refused: bytes of any number behind a signed bundle', async () => {
    const [path, copy] = [join(temp(), 'grown.tar'), join(temp(), 'copy.tar')];
    await writeSignedBundle(path, [alice]);
    for (const extra of [1, 511, 512, 1024, 20_000, 300_000]) {
      copyFileSync(path, copy);
      appendFileSync(copy, Buffer.alloc(extra, 'x'));
      expect(await findings(copy)).not.toEqual([]);
      await expect(openBundle(copy)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    }
  });
});

function trust(
  allowed: readonly string[],
  { revoked = [], at = '2026-06-01T00:00:00Z' }: { revoked?: readonly Signer[]; at?: string } = {},
): Trust {
  return {
    signers: parseAllowedSigners(allowed.join('\n'), 'allowed_signers'),
    isRevoked: parseRevokedKeys(Buffer.from(revoked.map((signer) => keyLine(signer, '')).join('\n')), 'revoked'),
    at: new Date(at),
  };
}

async function trusted(path: string, asked: Trust): Promise<string> {
  const reader = await openBundle(path);
  try {
    requireTrust(reader, asked);
    return 'trusted';
  } catch (error) {
    for (const code of ['SIGNATURE_MISSING', 'SIGNATURE_INVALID', 'SIGNER_UNKNOWN'] as const) if (hasCode(error, code)) return code;
    throw error;
  } finally {
    await reader.close();
  }
}

describe('whose signature counts', () => {
  const ROTATION = [keyLine(alice, 'a', 'valid-before="20260701Z"'), keyLine(bob, 'b', 'valid-after="20260501Z"')];

  it.each<[string, readonly Signer[], Trust, string]>([
    ['no signature', [], trust([keyLine(alice)]), 'SIGNATURE_MISSING'],
    ['one of an allowed signer', [alice], trust([keyLine(alice)]), 'trusted'],
    ['one of a stranger', [bob], trust([keyLine(alice)]), 'SIGNER_UNKNOWN'],
    ['one of a stranger and one of an allowed signer', [bob, alice], trust([keyLine(alice)]), 'trusted'],
    ['one of a signer for other things', [alice], trust([keyLine(alice, 'a', 'namespaces="git"')]), 'SIGNER_UNKNOWN'],
    ['one of a signer for all but this', [alice], trust([keyLine(alice, 'a', 'namespaces="*,!caisson-bundle"')]), 'SIGNER_UNKNOWN'],
    ['one of a key that was removed from the file', [alice], trust([keyLine(bob)]), 'SIGNER_UNKNOWN'],
    ['one of a revoked key', [alice], trust([keyLine(alice)], { revoked: [alice] }), 'SIGNER_UNKNOWN'],
    ['one of a revoked key and one of its successor', [alice, bob], trust([keyLine(alice), keyLine(bob)], { revoked: [alice] }), 'trusted'],
    ['one of a revoked key and one of a stranger', [alice, carol], trust([keyLine(alice)], { revoked: [alice] }), 'SIGNER_UNKNOWN'],
    ['one of the old key before a rotation', [alice], trust(ROTATION, { at: '2026-04-01T00:00:00Z' }), 'trusted'],
    ['one of the new key before a rotation', [bob], trust(ROTATION, { at: '2026-04-01T00:00:00Z' }), 'SIGNER_UNKNOWN'],
    ['one of the old key in a rotation', [alice], trust(ROTATION), 'trusted'],
    ['one of the new key in a rotation', [bob], trust(ROTATION), 'trusted'],
    ['one of the old key after a rotation', [alice], trust(ROTATION, { at: '2026-08-01T00:00:00Z' }), 'SIGNER_UNKNOWN'],
    ['both after a rotation', [alice, bob], trust(ROTATION, { at: '2026-08-01T00:00:00Z' }), 'trusted'],
  ])('%s', async (_, signers, asked, said) => {
    const path = join(temp(), 'bundle.tar');
    await writeSignedBundle(path, signers);
    expect(await trusted(path, asked)).toBe(said);
  });
});
