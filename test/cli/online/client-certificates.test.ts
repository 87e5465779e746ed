import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readClientCertificates } from '../../../src/cli/online/client-certificates.ts';
import { testAuthority } from '../../support/test-certificates.ts';

let directory: string;
let pem: string;

async function file(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-client-'));
  const { cert, key } = await (await testAuthority()).issue(['client.example']);
  pem = `${cert}\n${key}\n`;
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('--client-certificate', () => {
  it('gives the certificate with its key by host', async () => {
    const path = await file('good.pem', pem);
    expect(await readClientCertificates([`Deb.example.com:8443=${path}`])).toEqual(new Map([['deb.example.com:8443', pem]]));
  });

  it.each(['deb.example.com', '=file', 'https://deb.example.com=x', 'deb.example.com='])('refuses %s', async (value) => {
    await expect(readClientCertificates([value])).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('refuses a second file for one host, one that others can read, one without the key, and one with another key', async () => {
    const path = await file('one.pem', pem);
    await expect(readClientCertificates([`a=${path}`, `a=${path}`])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readClientCertificates([`a=${await file('open.pem', pem, 0o640)}`])).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
    const other = await (await testAuthority()).issue(['client.example']);
    const cert = pem.slice(0, pem.indexOf('-----BEGIN PRIVATE'));
    for (const text of [cert, `${cert}\n${other.key}\n`, '']) {
      await expect(readClientCertificates([`a=${await file('bad.pem', text)}`])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
  });
});
