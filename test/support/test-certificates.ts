import 'reflect-metadata';
import { randomUUID, type webcrypto } from 'node:crypto';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { RequestListener } from 'node:http';
import * as x509 from '@peculiar/x509';

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority extends TestCertificate {
  issue(names: readonly string[], dates?: { readonly from?: Date; readonly to?: Date }): Promise<TestCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Makes an authority that only tests trust, for servers on loopback. */
export async function testAuthority(): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const own = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Test authority ${randomUUID()}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: own.toString('pem'),
    key: await keyOf(keys.privateKey),
    issue: async (names, { from = new Date(Date.now() - 86_400_000), to = new Date(Date.now() + 86_400_000) } = {}) => {
      const leafKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const leaf = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0]}`,
        issuer: own.subject,
        notBefore: from,
        notAfter: to,
        signingKey: keys.privateKey,
        publicKey: leafKeys.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [alternatives(names)],
      });
      return { cert: leaf.toString('pem'), key: await keyOf(leafKeys.privateKey) };
    },
  };
}

/** Makes a self-signed certificate. */
export async function selfSigned(names: readonly string[]): Promise<TestCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${names[0]}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [alternatives(names)],
  });
  return { cert: certificate.toString('pem'), key: await keyOf(keys.privateKey) };
}

export interface TlsServer {
  readonly port: number;
  readonly server: Server;
  close(): Promise<void>;
}

/** Starts an https server on 127.0.0.1. */
export async function startTlsServer(certificate: TestCertificate & ServerOptions, listener: RequestListener): Promise<TlsServer> {
  const server = createServer(certificate, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen');
  return {
    port: address.port,
    server,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function alternatives(names: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((name) => ({ type: /^[\d.]+$/.test(name) ? ('ip' as const) : ('dns' as const), value: name })),
  );
}

async function keyOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
