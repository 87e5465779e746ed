import 'reflect-metadata';
import { createServer } from 'node:https';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { HttpClient } from '../../src/net/index.ts';

describe('certificates', () => {
  it('are always checked', async () => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=localhost',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
    });
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    let asked = 0;
    const server = createServer({ key, cert: certificate.toString('pem') }, (_, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const http = new HttpClient({ retryDelaysMs: [] });
    try {
      await expect(http.request({ url: `https://localhost:${port}/` })).rejects.toMatchObject({
        code: 'FETCH_FAILED',
        message: expect.stringContaining('certificate was not accepted'),
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
      expect(asked).toBe(0);
    } finally {
      await http.close();
      server.close();
    }
  });
});
