import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBundles, partialPath, signBundle } from '../../src/bundle/index.ts';
import type { Event } from '../../src/core/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import { openRequest } from '../../src/usecases/open-request.ts';
import { allow, makeKey, signerOf } from '../support/signing-keys.ts';
import { clusterYaml, MANIFESTS, THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';

let directory: string;
let bundle: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-request-'));
  bundle = await writeSampleBundle(join(directory, 'sample.tar'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function cluster(text: string): Promise<string> {
  const path = join(directory, 'cluster.yaml');
  await writeFile(path, text);
  return path;
}

describe('openRequest', () => {
  it('lays the cluster over the manifests that the bundle carries', async () => {
    const request = await openRequest([bundle], await cluster(clusterYaml(THREE_NODES)));
    expect(request.topology(undefined).placements.map(({ id }) => id)).toContain('web/f2');
    await closeBundles(request.bundles);
  });

  it('names every mistake of cluster.yaml with its position', async () => {
    const text = clusterYaml(THREE_NODES).replace('[manage]', '[manag]').replace('name: f2', 'name: f1');
    const failure: unknown = await openRequest([bundle], await cluster(text)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'INPUT_INVALID', exitStatus: 3 });
    expect(String(failure)).toMatch(/cluster\.yaml:5:\d+: .*there is no role "manag"/);
    expect(String(failure)).toMatch(/cluster\.yaml:7:\d+: .*has the name "f1" too/);
  });

  it('names a key that is not there once, with its line', async () => {
    const text = `${clusterYaml(THREE_NODES)}ssh: { identityFile: ./no-key }\n`;
    const failure: unknown = await openRequest([bundle], await cluster(text)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'INPUT_INVALID', problems: [{ path: 'ssh.identityFile' }] });
    expect(String(failure)).toMatch(/cluster\.yaml:\d+:\d+: ssh\.identityFile: there is no file ".*\/no-key"/);
  });

  it('names a cluster.yaml that cannot be read before it opens the bundle', async () => {
    await expect(openRequest([join(directory, 'none.tar')], join(directory, 'none.yaml'))).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('none.yaml'),
      hint: expect.stringContaining('manifests/examples/cluster.yaml'),
    });
  });

  it('installs a delta, with bases that are given or were staged before', async () => {
    const newer = join(directory, 'newer.tar');
    await writeSampleBundle(newer, { version: '1.3', bases: [bundle] });
    const path = await cluster(clusterYaml(THREE_NODES));
    const given = await openRequest([bundle, newer], path);
    expect(given.bundle.path).toBe(newer);
    expect(given.bundles.map((reader) => reader.path)).toEqual([newer, bundle]);
    const staged = await mkdtemp(join(directory, 'staged-'));
    await expect(openRequest([newer], path, { stagedBundles: staged })).rejects.toMatchObject({ code: 'BUNDLE_BASE_MISSING' });
    const [, base] = given.bundles;
    if (base === undefined) throw new Error('the delta has a base');
    const partial = partialPath(join(staged, stagedBundleName(base)));
    await writeFile(partial, '');
    await expect(openRequest([newer], path, { stagedBundles: staged })).rejects.toMatchObject({
      code: 'BUNDLE_INCOMPLETE',
      message: expect.stringContaining('the depot has fetched only a part of that bundle'),
    });
    await rm(partial);
    await copyFile(bundle, join(staged, stagedBundleName(base)));
    const found = await openRequest([newer], path, { stagedBundles: staged });
    expect(found.bundles.map((reader) => reader.bundleDigest)).toEqual(given.bundles.map((reader) => reader.bundleDigest));
    await closeBundles([...given.bundles, ...found.bundles]);
  });

  it('refuses a bundle that no allowed signer signed, before it believes anything in it', async () => {
    const keys = await mkdtemp(join(directory, 'keys-'));
    const path = join(keys, 'cluster.yaml');
    const lines = ['trust: { allowedSigners: allowed_signers }'];
    await writeFile(path, clusterYaml(THREE_NODES, lines));
    const mine = await writeSampleBundle(join(keys, 'mine.tar'));
    const signer = await signerOf(await makeKey(keys, 'one'));
    await makeKey(keys, 'two');
    await allow(keys, ['one']);
    await expect(openRequest([mine], path)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING', exitStatus: 4 });
    await signBundle(mine, [signer]);
    const events: Event[] = [];
    await closeBundles((await openRequest([mine], path, { emit: (event) => events.push(event) })).bundles);
    const said = `"${mine}" is signed by ${signer.key.fingerprint} (one@example.com), allowed by ${join(keys, 'allowed_signers')}:1`;
    expect(events).toEqual([{ type: 'note', message: said }]);
    await allow(keys, ['two']);
    await expect(openRequest([mine], path)).rejects.toMatchObject({ code: 'SIGNER_UNKNOWN' });
    await rm(join(keys, 'allowed_signers'));
    await expect(openRequest([mine], path)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    const delta = await writeSampleBundle(join(keys, 'delta.tar'), { version: '1.3', bases: [bundle] });
    await signBundle(delta, [signer]);
    const trust = { allowedSigners: await allow(keys, ['one']) };
    await expect(openRequest([delta, bundle], path, { trust })).rejects.toMatchObject({
      code: 'SIGNATURE_MISSING',
      message: expect.stringContaining('sample.tar'),
    });
  });

  it('refuses two bundles that do not need each other', async () => {
    const other = await writeSampleBundle(join(directory, 'other.tar'), { version: '7' });
    await expect(openRequest([bundle, other], await cluster(clusterYaml(THREE_NODES)))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/2 bundles at once: ".*sample\.tar" and ".*other\.tar" do not need each other/),
    });
  });

  it('names the bundle when its manifests are not sound', async () => {
    const manifests = { ...MANIFESTS, 'roles/front.yaml': 'kind: Nonsense\n' };
    const broken = await writeSampleBundle(join(directory, 'broken.tar'), { manifests });
    await expect(openRequest([broken], await cluster(clusterYaml(THREE_NODES)))).rejects.toThrow('broken.tar: manifests/roles/front.yaml');
  });
});
