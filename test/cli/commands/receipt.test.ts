import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readBases } from '../../../src/builder/bases.ts';
import { readTrust } from '../../../src/bundle/index.ts';
import type { Event } from '../../../src/core/index.ts';
import { newerBundle, writeDelta } from '../../support/delta-bundle.ts';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { allow, makeKey } from '../../support/signing-keys.ts';
import { writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const file = (name: string): string => join(directory(), name);
const NOW = new Date('2026-06-01T00:00:00Z');
const RECEIPTS = 'namespaces="caisson-receipt"';

async function held(): Promise<readonly string[]> {
  await writeSmallBundle(file('full.tar'));
  return [file('full.tar'), await writeDelta(file('delta.tar'), newerBundle('1.3.0', ['one']), [file('full.tar')])];
}

async function trusting(name: string, options: string) {
  return readTrust({ allowedSigners: await allow(directory(), [name], options) }, NOW);
}

describe('caisson inspect --receipt', () => {
  it('writes what the bundles hold, signed as ssh-keygen checks it', async () => {
    const key = await makeKey(directory(), 'site');
    const { status, out, err } = await caisson(['inspect', ...(await held()), '--receipt', file('receipt.json'), '--sign-key', key]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(
      /receipt\.json and .*receipt\.json\.sig\n {2}lab 1\.2\.3, bundle sha256:[0-9a-f]{64}, \d+ members\n {2}lab 1\.3\.0/,
    );
    const argv = ['-Y', 'verify', '-f', await allow(directory(), ['site'], RECEIPTS), '-I', 'site@example.com', '-n', 'caisson-receipt'];
    const check = promisify(execFile)('ssh-keygen', [...argv, '-s', file('receipt.json.sig')]);
    check.child.stdin?.end(await readFile(file('receipt.json')));
    expect((await check).stdout).toContain('Good "caisson-receipt" signature for site@example.com');
  });

  it('is taken by --base as the bundles themselves', async () => {
    const paths = await held();
    await caisson(['inspect', ...paths, '--receipt', file('receipt.json')]);
    expect(await readBases([file('receipt.json')])).toEqual(await readBases(paths));
  });

  it('warns where it is not signed, and where nobody asked', async () => {
    const { err } = await caisson(['inspect', ...(await held()), '--receipt', file('receipt.json')]);
    expect(err).toContain('The receipt is not signed');
    const events: Event[] = [];
    await readBases([file('receipt.json')], { emit: (event) => void events.push(event) });
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('--allowed-signers') }]);
  });

  it('refuses what makes no sense', async () => {
    const key = await makeKey(directory(), 'site');
    const [full = ''] = await held();
    for (const argv of [
      ['inspect'],
      ['inspect', full, '--sign-key', key],
      ['inspect', full, '--receipt', file('r'), '--sbom'],
      ['inspect', full, '--receipt', file('r'), '--sign-key', key, '--sign-key', key],
      ['inspect', full, full, full],
    ])
      expect([argv.length, (await caisson(argv)).status]).toEqual([argv.length, 2]);
    expect((await caisson(['inspect', full, '--receipt', file('none/r')])).status).toBe(5);
  });
});

describe('a receipt for --base', () => {
  async function receipt(): Promise<string> {
    const key = await makeKey(directory(), 'site');
    await caisson(['inspect', ...(await held()), '--receipt', file('receipt.json'), '--sign-key', key]);
    return file('receipt.json');
  }

  it('counts when an allowed signer signed it for that purpose', async () => {
    const path = await receipt();
    expect(await readBases([path], { trust: await trusting('site', RECEIPTS) })).toHaveLength(2);
    await expect(readBases([path], { trust: await trusting('site', 'namespaces="caisson-bundle"') })).rejects.toMatchObject({
      code: 'SIGNER_UNKNOWN',
    });
  });

  it('is refused unsigned, changed, or signed by another', async () => {
    const path = await receipt();
    await makeKey(directory(), 'other');
    await expect(readBases([path], { trust: await trusting('other', RECEIPTS) })).rejects.toMatchObject({
      code: 'SIGNER_UNKNOWN',
      exitStatus: 4,
    });
    const trust = await trusting('site', RECEIPTS);
    await writeFile(path, (await readFile(path, 'utf8')).replace('1.3.0', '1.3.1'));
    await expect(readBases([path], { trust })).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    await writeFile(file('unsigned.json'), await readFile(path));
    await expect(readBases([file('unsigned.json')], { trust })).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await writeFile(file('unsigned.json.sig'), 'nonsense');
    await expect(readBases([file('unsigned.json')], { trust })).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });
});
