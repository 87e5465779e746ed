import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle, signBundle } from '../../../src/bundle/index.ts';
import { digestOf } from '../../../src/core/index.ts';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { ONE_NODE } from '../../support/sample-install.ts';
import { allow, makeKey, signerOf } from '../../support/signing-keys.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const sites = useCommandSites(directory);

const install = (bundle: string, ...words: readonly string[]): readonly string[] => [
  ...['install', '--offline', '--bundle', bundle, '--cluster', join(directory(), 'cluster.yaml'), '--yes'],
  ...words,
];

async function digestOfBundle(path: string): Promise<string> {
  const reader = await openBundle(path);
  await reader.close();
  return reader.bundleDigest;
}

/** How the bundles of the seed were accepted, by what `bundles` and the last run of `history` say. */
async function accepted({ run }: CommandSite): Promise<{ readonly bundles: unknown; readonly last: unknown }> {
  const { bundles } = JSON.parse((await run(['bundles', '--json'])).out) as {
    readonly bundles: readonly { readonly accepted?: unknown }[];
  };
  const { runs } = JSON.parse((await run(['history', '--json'])).out) as { readonly runs: readonly { readonly accepted?: unknown }[] };
  return { bundles: bundles.map((bundle) => bundle.accepted), last: runs.at(-1)?.accepted };
}

describe('a bundle that is installed with --yes', () => {
  it('is refused unless something vouches for it, and nothing is changed', async () => {
    const site = await sites.bare(ONE_NODE);
    const { bundle } = sites.bundles();
    expect(await site.run(install(bundle))).toMatchObject({
      status: 4,
      err: expect.stringMatching(/SIGNATURE_MISSING: Cannot install ".*sample\.tar" with --yes: it is not signed\n.*--digest sha256:/),
    });
    expect(await site.run(install(bundle, '--digest', digestOf('another')))).toMatchObject({
      status: 4,
      err: expect.stringContaining('DIGEST_MISMATCH'),
    });
    expect(await site.run(install(bundle, '--digest', 'abc'))).toMatchObject({ status: 3, err: expect.stringContaining('DIGEST_INVALID') });
    expect(await accepted(site)).toEqual({ bundles: [], last: undefined });
  });

  it('may be named by its digest, which the record keeps and later runs need not be told', async () => {
    const site = await sites.bare(ONE_NODE);
    const { bundle } = sites.bundles();
    expect(await site.run(install(bundle, '--digest', await digestOfBundle(bundle)))).toMatchObject({ status: 0 });
    expect(await accepted(site)).toEqual({ bundles: [{ by: 'digest' }], last: 'by its digest' });
    expect(await site.run(['install', '--offline', '--yes'])).toMatchObject({ status: 0 });
    expect(await site.run(install(bundle))).toMatchObject({ status: 0 });
    expect(await accepted(site)).toMatchObject({ bundles: [{ by: 'digest' }] });
  });

  it('is recorded with its signer', async () => {
    const site = await sites.bare(ONE_NODE);
    const bundle = join(directory(), 'signed.tar');
    await copyFile(sites.bundles().bundle, bundle);
    const signer = await signerOf(await makeKey(directory(), 'release'));
    await signBundle(bundle, [signer]);
    const allowed = await allow(directory(), ['release']);
    expect(await site.run(install(bundle))).toMatchObject({ status: 4, err: expect.stringContaining('SIGNER_UNKNOWN') });
    expect(await site.run(install(bundle, '--allowed-signers', allowed))).toMatchObject({ status: 0 });
    const { fingerprint } = signer.key;
    expect(await accepted(site)).toEqual({
      bundles: [{ by: 'signature', key: fingerprint, signer: 'release@example.com' }],
      last: `signed by release@example.com (${fingerprint})`,
    });
  });

  it('may be taken unsigned, by word or by an answer to a question that says so', async () => {
    const site = await sites.bare(ONE_NODE);
    const { bundle, next } = sites.bundles();
    expect(await site.run(install(bundle, '--unsigned'))).toMatchObject({ status: 0 });
    expect(await accepted(site)).toEqual({ bundles: [{ by: 'unsigned' }], last: 'unsigned' });
    expect(await site.run(['upgrade', '--bundle', next], { typed: 'n\n' })).toMatchObject({
      status: 130,
      err: expect.stringContaining(`sample 1.3 is not signed: compare its digest, ${await digestOfBundle(next)}`),
    });
    expect(await site.run(['upgrade', '--bundle', next, '--yes'])).toMatchObject({ status: 4, err: expect.stringContaining('not signed') });
  });

  it.each([
    [['--unsigned', '--digest', digestOf('x')], '--unsigned with --digest'],
    [['--unsigned', '--allowed-signers', 'allowed_signers'], '--unsigned with --allowed-signers'],
  ])('refuses %j', async (words, said) => {
    const site = await sites.bare(ONE_NODE);
    expect(await site.run(install(sites.bundles().bundle, ...words))).toMatchObject({ status: 2, err: expect.stringContaining(said) });
  });

  it('is none where a lock says what is installed', async () => {
    const site = await sites.bare(ONE_NODE);
    expect(await site.run(['install', '--online', '--lock', 'bundle.lock.json', '--unsigned'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('--digest or --unsigned with --online'),
    });
  });
});
