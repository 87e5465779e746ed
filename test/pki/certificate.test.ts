import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fixedClock, hasCode } from '../../src/core/index.ts';
import { certificateInfo, createAuthority, issueCertificate, type CertificateRequest, type KeyPair } from '../../src/pki/index.ts';
import { hasSubject } from '../../src/pki/subject.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = fixedClock(NOW);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function request(overrides: Partial<CertificateRequest> = {}): CertificateRequest {
  return { commonName: 'depot', dnsNames: ['depot.example'], addresses: ['10.0.0.1'], usages: 'server', days: 30, clock, ...overrides };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return hasCode(error, 'CERTIFICATE_INVALID') ? error.message : `no CERTIFICATE_INVALID but ${String(error)}`;
}

describe('createAuthority', () => {
  it('makes a certificate that signs itself, for the lifetime asked for, valid from an hour ago', async () => {
    const authority = await createAuthority({ commonName: 'Site CA, O=Mallory', days: 3650, clock });
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=Site CA\\, O=Mallory');
    expect(certificateInfo(authority.certificate)).toMatchObject({
      notBefore: new Date(NOW - HOUR),
      notAfter: new Date(NOW + 3650 * DAY),
      dnsNames: [],
      fingerprint: certificate.fingerprint256,
    });
    expect(authority.key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a lifetime of %s days', async (days) => {
    expect(await codeOf(createAuthority({ commonName: 'CA', days, clock }))).toContain('days');
  });

  it('refuses an empty name and one longer than X.509 allows', async () => {
    expect(await codeOf(createAuthority({ commonName: '', days: 1, clock }))).toContain('1 to 64');
    expect(await codeOf(createAuthority({ commonName: 'x'.repeat(65), days: 1, clock }))).toContain('1 to 64');
  });
});

describe('issueCertificate', () => {
  const made: Promise<KeyPair> = createAuthority({ commonName: 'CA', days: 100, clock });

  it('names every host and address, IPv6 too, each once', async () => {
    const pair = await issueCertificate(
      await made,
      request({ dnsNames: ['a.example', '*.b.example', 'a.example'], addresses: ['10.0.0.1', 'fd00::1'] }),
    );
    const certificate = new X509Certificate(pair.certificate);
    expect(certificate.ca).toBe(false);
    expect(certificate.subjectAltName).toBe('DNS:a.example, DNS:*.b.example, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1');
    expect(certificate.checkHost('x.b.example')).toBeDefined();
    expect(certificate.checkIP('fd00::1')).toBeDefined();
    expect(certificateInfo(pair.certificate).dnsNames).toEqual(['a.example', '*.b.example']);
  });

  it.each([
    ['server', ['1.3.6.1.5.5.7.3.1']],
    ['client', ['1.3.6.1.5.5.7.3.2']],
    ['both', ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']],
  ] as const)('limits a %s certificate to its purpose', async (usages, purposes) => {
    const pair = await issueCertificate(await made, request({ usages }));
    expect(new X509Certificate(pair.certificate).keyUsage).toEqual(purposes);
  });

  it('has a serial number of its own and a fresh key each time', async () => {
    const [first, second] = [await issueCertificate(await made, request()), await issueCertificate(await made, request())];
    expect(new X509Certificate(first.certificate).serialNumber).not.toBe(new X509Certificate(second.certificate).serialNumber);
    expect(first.key).not.toBe(second.key);
  });

  it('has a subject without a common name where an organization is named, and no empty subject', async () => {
    const pair = await issueCertificate(await made, request({ commonName: '', organizations: ['proxies'] }));
    expect(new X509Certificate(pair.certificate).subject).toBe('O=proxies');
    expect(hasSubject(certificateInfo(pair.certificate), { ...request({}), commonName: '', organizations: ['proxies'] })).toBe(true);
    expect(hasSubject(certificateInfo(pair.certificate), { ...request({}), commonName: 'proxies', organizations: ['proxies'] })).toBe(
      false,
    );
    expect(await codeOf(issueCertificate(await made, request({ commonName: '' })))).toContain('a common name has 1 to 64');
  });

  it('refuses an organization that is empty or longer than X.509 allows', async () => {
    for (const name of ['', 'x'.repeat(65)])
      expect(await codeOf(issueCertificate(await made, request({ organizations: [name] })))).toContain('an organization has 1 to 64');
  });

  it('never outlives its authority', async () => {
    const pair = await issueCertificate(await made, request({ days: 1000 }));
    expect(certificateInfo(pair.certificate).notAfter).toEqual(new Date(NOW + 100 * DAY));
  });

  it('refuses an authority that has ended', async () => {
    expect(await codeOf(issueCertificate(await made, request({ clock: fixedClock(NOW + 101 * DAY) })))).toContain('the authority ended at');
  });

  it('lists every name and address that cannot be certified', async () => {
    const message = await codeOf(
      issueCertificate(
        await made,
        request({ dnsNames: ['ok.example', 'bad name', 'a..b', '-x.example'], addresses: ['10.1', 'fe80::1%eth0', '::1'] }),
      ),
    );
    for (const bad of ['"bad name"', '"a..b"', '"-x.example"', '"10.1"', '"fe80::1%eth0"']) expect(message).toContain(bad);
    expect(message).not.toContain('ok.example"');
    expect(message).not.toContain('"::1"');
  });

  it('refuses a key that is no P-256 key', async () => {
    const { certificate } = await made;
    expect(await codeOf(issueCertificate({ certificate, key: 'nonsense' }, request()))).toContain('private key');
  });
});

describe('certificateInfo', () => {
  it('reads every field, organizations with commas and letters of all languages among them', async () => {
    const organizations = ['a, b', 'plus + "quoted"', 'größe'];
    const issuer = await createAuthority({ commonName: 'CA', days: 100, clock });
    const pair = await issueCertificate(issuer, request({ commonName: 'n=1', organizations, addresses: ['fd00:0::1', '10.0.0.1'] }));
    expect(certificateInfo(pair.certificate)).toMatchObject({
      subject: 'O=a\\, b, O=plus \\+ \\"quoted\\", O=größe, CN=n=1',
      commonName: 'n=1',
      organizations,
      addresses: ['fd00::1', '10.0.0.1'],
      notBefore: new Date(NOW - HOUR),
      fingerprint: new X509Certificate(pair.certificate).fingerprint256,
    });
  });

  it('reads the first certificate of a text, whatever stands around it', async () => {
    const [first, second] = [
      await createAuthority({ commonName: 'A', days: 1, clock }),
      await createAuthority({ commonName: 'B', days: 1, clock }),
    ];
    expect(certificateInfo(`of A\n${first.certificate}of B\n${second.certificate}`).subject).toBe('CN=A');
  });

  it.each(['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])('refuses what is no certificate: %j', (pem) => {
    expect(() => certificateInfo(pem)).toThrow(/Cannot read a certificate/);
  });
});
