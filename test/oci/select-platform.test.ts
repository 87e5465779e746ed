import { describe, expect, it } from 'vitest';
import { digestOf, formatPlatform, parsePlatform } from '../../src/core/index.ts';
import { isAttestation, selectPlatform } from '../../src/oci/index.ts';

function pick(offered: readonly string[], wanted: string): string | undefined {
  const entry = selectPlatform(
    offered.map((text) => ({ platform: parsePlatform(text) })),
    parsePlatform(wanted),
  );
  return entry && formatPlatform(entry.platform);
}

describe('selectPlatform', () => {
  it.each([
    [['linux/386', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/arm64/v8'], 'linux/arm64', 'linux/arm64/v8'],
    [['linux/arm64'], 'linux/arm64/v8', 'linux/arm64'],
    [['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm', 'linux/arm/v7'],
    [['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v6', 'linux/arm/v6'],
    [['linux/arm/v5'], 'linux/arm/v7', 'linux/arm/v5'],
    [['linux/amd64', 'linux/amd64/v2'], 'linux/amd64/v3', 'linux/amd64/v2'],
    [['linux/amd64/v3', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/aarch64'], 'linux/arm64', 'linux/aarch64'],
    [['linux/amd64/v3'], 'linux/amd64', undefined],
    [['linux/arm/v7'], 'linux/arm/v6', undefined],
    [['linux/386'], 'linux/amd64', undefined],
    [['linux/arm/v7'], 'linux/arm64', undefined],
    [['windows/amd64'], 'linux/amd64', undefined],
  ])('out of %j picks for %s: %s', (offered, wanted, picked) => {
    expect(pick(offered, wanted)).toBe(picked);
  });

  it('takes the first of equals', () => {
    const entries = [1, 2].map((id) => ({ id, platform: { os: 'linux', architecture: 'amd64' } }));
    expect(selectPlatform(entries, parsePlatform('linux/amd64'))).toBe(entries[0]);
  });

  it('never picks an entry without a platform', () => {
    expect(selectPlatform([{}], parsePlatform('linux/amd64'))).toBeUndefined();
  });
});

describe('isAttestation', () => {
  const entry = { mediaType: 'x', digest: digestOf('x'), size: 1 };

  it('knows attestations by platform and by annotation', () => {
    expect(isAttestation({ ...entry, platform: { os: 'unknown', architecture: 'unknown' } })).toBe(true);
    expect(isAttestation({ ...entry, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } })).toBe(true);
    expect(isAttestation({ ...entry, platform: { os: 'linux', architecture: 'amd64' } })).toBe(false);
  });
});
