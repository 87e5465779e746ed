import { describe, expect, it } from 'vitest';
import { CaissonError, fixedClock } from '../../src/core/index.ts';
import { certificateInfo, createAuthority, issueCertificate } from '../../src/pki/index.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { randomNumbers } from '../support/random-numbers.ts';

const clock = fixedClock(Date.parse('2026-03-01T12:00:00Z'));
const FLIPS = 400;

function refusal(pem: string): unknown {
  try {
    certificateInfo(pem);
    return undefined;
  } catch (error) {
    return error instanceof CaissonError && error.code === 'CERTIFICATE_INVALID' ? undefined : error;
  }
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

describe('certificateInfo', () => {
  it.each(HOSTILE_TEXTS)('refuses %s, bare and inside a certificate, as no certificate', (_, text) => {
    expect(() => certificateInfo(text)).toThrow(/Cannot read a certificate/);
    expect(() => certificateInfo(`-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`)).toThrow(/Cannot read a certificate/);
  });

  it('reads a certificate whose bytes were changed, or refuses it, and fails in no other way', async () => {
    const authority = await createAuthority({ commonName: 'CA', days: 100, clock });
    const names = { commonName: 'a', organizations: ['b'], dnsNames: ['c.example'], addresses: ['10.0.0.1', 'fd00::1'] };
    const { certificate } = await issueCertificate(authority, { ...names, usages: 'both', days: 30, clock });
    const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const draw = randomNumbers(5);
    const failures = Array.from({ length: FLIPS }, () => {
      const changed = Buffer.from(der);
      changed[draw(der.length)] = draw(256);
      return refusal(pemOf(changed));
    });
    expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
  });
});
