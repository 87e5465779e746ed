import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { allow, makeKey } from '../support/signing-keys.ts';
import { caisson, MAIN, openBuildingSite, start, type BuildingSite, type Ended } from './building-site.ts';

const MIB = 2 ** 20;
const web = sampleImage([sampleLayer('base', 2 * MIB)]);
const api = sampleImage([sampleLayer('base', 2 * MIB), sampleLayer('api', MIB)]);

/** The other side of the air gap: no interface, not even loopback. */
async function offline(...words: readonly string[]): Promise<Ended> {
  return start(['unshare', '--map-root-user', '--net', process.execPath, MAIN, ...words]).ended;
}

/** Two deliveries to one site: a full bundle, then what is new, signed, in volumes. */
describe('bundles that are carried across', () => {
  let site: BuildingSite;
  let directory = '';
  let keys: readonly string[] = [];
  const file = (name: string): string => join(directory, name);

  beforeAll(async () => {
    site = await openBuildingSite({ 'team/web': web, 'team/api': api });
    ({ directory } = site.workshop);
    keys = ['--allowed-signers', await allowed()];
    await site.workshop.write('images.txt', 'team/web:1.0\n');
    expect(await caisson([...site.words, '--output', file('one.tar'), '--sign-key', file('release')])).toMatchObject({ status: 0 });
  });
  afterAll(() => site.close());

  async function allowed(): Promise<string> {
    await makeKey(directory, 'release');
    await makeKey(directory, 'site');
    const path = await allow(directory, ['release', 'site'], 'namespaces="caisson-*"');
    await writeFile(file('keys'), await readFile(path));
    return file('keys');
  }

  it('are verified without a network interface, with the signature that the build made', async () => {
    const good = await offline('verify', ...keys, '--require-signature', file('one.tar'));
    expect(good).toMatchObject({ status: 0, stdout: expect.stringMatching(/signed by SHA256:\S+ \(release@example\.com\)/) });
    const stranger = await makeKey(directory, 'stranger');
    await writeFile(file('others'), `x@example.com ${await readFile(`${stranger}.pub`, 'utf8')}`);
    const refused = await offline('verify', '--allowed-signers', file('others'), '--require-signature', file('one.tar'));
    expect(refused).toMatchObject({ status: 4, stderr: expect.stringContaining('Error SIGNER_UNKNOWN') });
  });

  it('are followed by a delta against the signed receipt of the site, in volumes', async () => {
    expect(await offline('inspect', file('one.tar'), '--receipt', file('receipt.json'), '--sign-key', file('site'))).toMatchObject({
      status: 0,
    });
    await site.workshop.write('images.txt', 'team/web:1.0\nteam/api:1.0\n');
    const words = [...site.words, '--version', '2', '--base', file('receipt.json'), ...keys, '--sign-key', file('release')];
    const built = await caisson([...words, '--output', file('two.tar'), '--volume-size', '400KiB']);
    expect(built).toMatchObject({ status: 0, stderr: expect.not.stringContaining('warning') });
    // The layer that both share is not in it.
    const sizes = await Promise.all(['001', '002', '003'].map(async (number) => (await stat(file(`two.tar.${number}`))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1.5 * MIB);
    const first = file('two.tar.001');
    expect(await offline('verify', ...keys, '--require-signature', first)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/two\.tar\.001 \(3 volumes\) is whole.*\n.*\nneeds demo \S+, bundle sha256:/),
    });
    const difference = await offline('inspect', file('one.tar'), first);
    expect(difference).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\+ +docker\.io\/team\/api:1\.0 /m) });
    const alone = await offline('serve', first);
    expect(alone).toMatchObject({ status: 3, stderr: expect.stringMatching(/Error BUNDLE_BASE_MISSING: .*without demo/) });
  });

  it('can be pushed together', async () => {
    const planned = await caisson(['push', file('two.tar.001'), `${site.registry.host}/site`, '--plan', '--base', file('one.tar')]);
    expect(planned).toMatchObject({ status: 0, stdout: expect.stringContaining('site/team/api:1.0') });
  });
});
