import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTrustedAuthorities } from '../../src/cli/trusted-authorities.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { testAuthority } from '../support/test-certificates.ts';

const directory = useTempDir();

async function fileOf(content: string): Promise<string> {
  const file = join(directory(), 'ca.pem');
  await writeFile(file, content);
  return file;
}

describe('the files of --ca', () => {
  it('give every certificate in them, whatever stands between', async () => {
    const [one, two] = [(await testAuthority()).cert.trim(), (await testAuthority()).cert.trim()];
    const file = await fileOf(`# made by us\n${one}\n\nsubject=CN = two\r\n${two}\n`);
    expect(await readTrustedAuthorities([file, file])).toEqual([one, two, one, two]);
    expect(await readTrustedAuthorities([])).toEqual([]);
  });

  it('must be there', async () => {
    await expect(readTrustedAuthorities(['/does/not/exist.pem'])).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('"/does/not/exist.pem"'),
    });
  });

  it.each([
    ['', 'it holds no certificate in PEM form'],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'it holds no certificate in PEM form'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'its certificate 1 is damaged'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n', 'it holds no certificate in PEM form'],
  ])('are refused when they hold %j', async (content, reason) => {
    const file = await fileOf(content);
    await expect(readTrustedAuthorities([file])).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining(reason) });
  });
});
