import { describe, expect, it } from 'vitest';
import type { BundleSignature } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { newSiteRecord, type Acceptance, type RecordedBundle, type SiteRecord } from '../../src/site/index.ts';
import { acceptanceNotes, acceptBundle, acceptOnline, describeAcceptance } from '../../src/usecases/acceptance.ts';

const DIGEST = digestOf('this bundle');
const BUNDLE = { path: '/media/app.tar', bundleDigest: DIGEST };
const ALLOWED: BundleSignature = {
  member: 'SHA256SUMS.sig',
  fingerprint: 'SHA256:abc',
  keyType: 'ssh-ed25519',
  signer: 'allowed',
  principals: 'release@example.com',
};
const UNKNOWN: BundleSignature = { ...ALLOWED, signer: 'unknown', principals: undefined };
const SIGNED: Acceptance = { by: 'signature', key: 'SHA256:abc', signer: 'release@example.com' };

const named = (accepted?: Acceptance): RecordedBundle => ({
  name: 'app',
  version: '1',
  digest: DIGEST,
  ...(accepted === undefined ? {} : { accepted }),
});
const record = (change: Partial<SiteRecord>): SiteRecord => ({ ...newSiteRecord({ id: '1', name: 'site', seed: 'm1' }), ...change });

describe('acceptBundle', () => {
  it('refuses a bundle without a question when nothing vouches for it, with the three ways on', () => {
    const accept = acceptBundle({ isUnasked: true }, undefined);
    expect(() => accept(BUNDLE, [])).toThrow(
      expect.objectContaining({
        code: 'SIGNATURE_MISSING',
        message: 'Cannot install "/media/app.tar" with --yes: it is not signed',
        hint: expect.stringMatching(/--allowed-signers FILE.*--digest sha256:.*--unsigned/),
      }),
    );
    expect(() => accept(BUNDLE, [UNKNOWN])).toThrow(
      expect.objectContaining({ code: 'SIGNER_UNKNOWN', hint: expect.stringContaining('--digest') }),
    );
  });

  it.each([
    ['a signature of an allowed signer', { isUnasked: true }, [UNKNOWN, ALLOWED], SIGNED],
    ['its digest', { isUnasked: true, digest: DIGEST }, [UNKNOWN], { by: 'digest' }],
    ['a signature before its digest', { digest: DIGEST }, [ALLOWED], SIGNED],
    ['the word that it is taken unsigned', { isUnasked: true, unsigned: true }, [], { by: 'unsigned' }],
    ['the answer of a person', {}, [UNKNOWN], { by: 'unsigned' }],
  ] as const)('accepts a bundle by %s', (_, said, signatures, accepted) => {
    expect(acceptBundle(said, undefined)(BUNDLE, signatures)).toEqual(accepted);
  });

  it('refuses another digest than the one that was told, whatever else vouches for the bundle', () => {
    const other = digestOf('another bundle');
    for (const known of [undefined, record({ bundle: named(SIGNED) })]) {
      expect(() => acceptBundle({ digest: other }, known)(BUNDLE, [ALLOWED])).toThrow(
        expect.objectContaining({
          code: 'DIGEST_MISMATCH',
          message: `Cannot install "/media/app.tar": its digest is ${DIGEST}, and --digest says ${other}`,
          hint: expect.stringContaining('not that of the file'),
        }),
      );
    }
  });

  it('keeps what the record says of a bundle that is in force, the one before, or that of a run', () => {
    const run = { run: '1', operation: 'install', started: '2026-01-01T00:00:00Z', bundle: named({ by: 'digest' }) };
    for (const [change, accepted] of [
      [{ bundle: named(SIGNED) }, SIGNED],
      [{ previous: named({ by: 'digest' }) }, { by: 'digest' }],
      [{ operations: [run] }, { by: 'digest' }],
      [{ bundle: named(), operations: [run] }, { by: 'digest' }],
      [{ bundle: named() }, undefined],
    ] as const) {
      const known = record(change as Partial<SiteRecord>);
      expect(acceptBundle({ isUnasked: true }, known)(BUNDLE, [])).toEqual(accepted);
      expect(acceptOnline(known)(BUNDLE, [])).toEqual(accepted);
    }
    const other = record({ bundle: { ...named(SIGNED), digest: digestOf('another bundle') } });
    expect(() => acceptBundle({ isUnasked: true }, other)(BUNDLE, [])).toThrow(expect.objectContaining({ code: 'SIGNATURE_MISSING' }));
    expect(acceptOnline(other)(BUNDLE, [])).toBeUndefined();
  });
});

describe('acceptanceNotes', () => {
  const bundle = { manifest: { name: 'app', version: '1' }, bundleDigest: DIGEST, signatures: [] };
  const notes = (accepted: Acceptance | undefined, known?: SiteRecord, signatures: readonly unknown[] = []): readonly string[] =>
    acceptanceNotes({ request: { bundle: { ...bundle, signatures } as never, accepted }, record: known });

  it('says of a bundle that is new and unsigned what to compare', () => {
    expect(notes({ by: 'unsigned' })).toEqual([
      `app 1 is not signed: compare its digest, ${DIGEST}, with the one that its builder tells you`,
    ]);
    expect(notes({ by: 'unsigned' }, undefined, ['a signature'])).toEqual([
      expect.stringMatching(/^app 1 is signed, and no allowed signers/),
    ]);
  });

  it('is silent on every other', () => {
    expect(notes(SIGNED)).toEqual([]);
    expect(notes({ by: 'digest' })).toEqual([]);
    expect(notes(undefined)).toEqual([]);
    expect(notes({ by: 'unsigned' }, record({ bundle: named({ by: 'unsigned' }) }))).toEqual([]);
  });
});

describe('describeAcceptance', () => {
  it('names who signed, the digest, or that it is unsigned', () => {
    expect([SIGNED, { by: 'digest' } as const, { by: 'unsigned' } as const, undefined].map(describeAcceptance)).toEqual([
      'signed by release@example.com (SHA256:abc)',
      'by its digest',
      'unsigned',
      undefined,
    ]);
  });
});
