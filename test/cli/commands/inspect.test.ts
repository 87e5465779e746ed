import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { small, smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const SBOM = '{\n "bomFormat": "CycloneDX",\n "name": "größe"\n}\n';

describe('caisson inspect', () => {
  const directory = useTempDir();

  async function bundleWith(...texts: string[]): Promise<string> {
    const bundle = smallBundle();
    const files = [...bundle.input.files, ...texts.map((text) => small('sbom.cdx.json', text, 'metadata'))];
    const path = join(directory(), `with-${texts.length}.tar`);
    await writeSmallBundle(path, { ...bundle, input: { ...bundle.input, files } });
    return path;
  }

  it('lists images, packages and files', async () => {
    const { status, out } = await caisson(['inspect', await bundleWith(SBOM)]);
    expect(status).toBe(0);
    for (const part of ['docker.io/library/alpha:1.0', 'apt/debian-12/dists/bookworm/Release', 'sbom.cdx.json'])
      expect(out).toContain(part);
  });

  it('prints with --sbom exactly the bytes that the bundle carries', async () => {
    expect(await caisson(['inspect', await bundleWith(SBOM), '--sbom'])).toEqual({ status: 0, out: SBOM, err: '' });
  });

  it('gives the SBOM as text in a JSON line with --json', async () => {
    const { out } = await caisson(['inspect', await bundleWith(SBOM), '--sbom', '--json']);
    expect(JSON.parse(out)).toEqual({ type: 'result', sbom: SBOM });
  });

  it('says so when a bundle has no SBOM', async () => {
    const { status, out, err } = await caisson(['inspect', await bundleWith(), '--sbom']);
    expect({ status, out }).toEqual({ status: 4, out: '' });
    expect(err).toContain('Error FILE_UNKNOWN: Cannot print the SBOM');
  });

  it('prints nothing of an SBOM that is damaged', async () => {
    const path = await bundleWith(SBOM);
    const bytes = await readFile(path);
    bytes.writeUInt8(0x21, bytes.indexOf('CycloneDX'));
    await writeFile(path, bytes);
    const { status, out, err } = await caisson(['inspect', path, '--sbom']);
    expect({ status, out }).toEqual({ status: 4, out: '' });
    expect(err).toContain('Error DIGEST_MISMATCH');
  });
});

describe('caisson inspect OLD NEW', () => {
  const directory = useTempDir();

  it('prints what differs, and nothing else', async () => {
    const older = join(directory(), 'older.tar');
    await writeSmallBundle(older);
    const { input, contents } = smallBundle({ version: '2.0' });
    const [repository] = input.repositories;
    if (repository === undefined) throw new Error('a small bundle has a repository');
    const packages = repository.packages.map((item) => (item.name === 'alpha' ? { ...item, version: '1.1' } : item));
    const newer = join(directory(), 'newer.tar');
    const images = input.images.filter(({ name }) => !name.endsWith(':stable'));
    await writeSmallBundle(newer, { input: { ...input, images, repositories: [{ ...repository, packages }] }, contents });
    const { status, out } = await caisson(['inspect', older, newer]);
    expect(status).toBe(0);
    expect(out).toContain('lab 1.2.3 -> lab 2.0');
    expect(out).toMatch(/^- +docker\.io\/library\/alpha:stable +sha256:[0-9a-f]{12} .* +-$/m);
    expect(out).toMatch(/^~ +alpha:amd64 \(debian-12\) +1\.0 700 B +1\.1 700 B$/m);
    expect(out).not.toMatch(/beta|gamma|Files/);
    const data: unknown = JSON.parse((await caisson(['inspect', older, newer, '--json'])).out);
    expect(data).toMatchObject({ from: { version: '1.2.3' }, to: { version: '2.0' }, newContent: 0 });
  });

  it('says that nothing differs', async () => {
    const path = join(directory(), 'one.tar');
    await writeSmallBundle(path);
    expect((await caisson(['inspect', path, path])).out).toContain('Nothing differs');
  });
});
