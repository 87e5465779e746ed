import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CertificateEnds } from '../../../src/agent/measures/certificate-ends.ts';
import { testAuthority, type TestAuthority } from '../../support/test-certificates.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const [FIRST, SECOND] = [new Date('2027-01-01T00:00:00Z'), new Date('2028-01-01T00:00:00Z')];
let authority: TestAuthority;

beforeAll(async () => {
  authority = await testAuthority();
});

async function pemUntil(to: Date): Promise<string> {
  const { cert } = await authority.issue(['m1'], { to });
  return cert;
}

describe('CertificateEnds', () => {
  it('reads the end of the first certificate of each file, and again once the file is another', async () => {
    const path = join(temp(), 'tls.crt');
    const ends = new CertificateEnds([{ component: 'etcd', name: 'peers', path }]);
    expect(await ends.read()).toEqual([]);
    await writeFile(path, `${await pemUntil(FIRST)}\n${authority.cert}`);
    expect(await ends.read()).toEqual([{ component: 'etcd', name: 'peers', notAfter: FIRST }]);
    await writeFile(`${path}.new`, await pemUntil(SECOND));
    await rename(`${path}.new`, path);
    expect(await ends.read()).toEqual([{ component: 'etcd', name: 'peers', notAfter: SECOND }]);
    await rm(path);
    expect(await ends.read()).toEqual([]);
  });

  it('does not read a file again that is the same', async () => {
    const path = join(temp(), 'tls.crt');
    const [first, second] = [await pemUntil(FIRST), await pemUntil(SECOND)];
    const at = new Date('2026-01-01T00:00:00Z');
    // Both texts have the same length, so that time, size and inode stay.
    const length = Math.max(first.length, second.length);
    await writeFile(path, first.padEnd(length));
    await utimes(path, at, at);
    const ends = new CertificateEnds([{ component: 'a', name: 'b', path }]);
    await ends.read();
    await writeFile(path, second.padEnd(length));
    await utimes(path, at, at);
    expect(await ends.read()).toEqual([{ component: 'a', name: 'b', notAfter: FIRST }]);
  });

  it.each([
    ['no certificate', 'hello'],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['nothing', ''],
    ['a damaged certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['more than a megabyte', 'x'.repeat(1024 * 1024 + 1)],
  ])('leaves out a file that is %s, and has the others', async (_, text) => {
    const [bad, good] = [join(temp(), 'bad'), join(temp(), 'good')];
    await writeFile(bad, text);
    await writeFile(good, await pemUntil(FIRST));
    const ends = new CertificateEnds([
      { component: 'a', name: 'bad', path: bad },
      { component: 'a', name: 'directory', path: temp() },
      { component: 'a', name: 'good', path: good },
    ]);
    expect(await ends.read()).toEqual([{ component: 'a', name: 'good', notAfter: FIRST }]);
  });
});
