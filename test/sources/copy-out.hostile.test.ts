import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Readable } from 'node:stream';
import { readTarStream } from '../../src/io/index.ts';
import { copyOutOfLayers } from '../../src/sources/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

function layer(): Buffer {
  const root = join(directory(), 'root');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'tool'), 'x'.repeat(20_000));
  execFileSync('tar', ['-cf', join(directory(), 'whole.tar'), '-C', root, 'tool']);
  return readFileSync(join(directory(), 'whole.tar'));
}

async function refused(bytes: Buffer, member = '/tool'): Promise<void> {
  const [file, target] = [join(directory(), 'layer.tar'), join(directory(), 'target')];
  writeFileSync(file, bytes);
  await expect(copyOutOfLayers([file], member, target)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  expect(existsSync(target)).toBe(false);
}

describe('a hostile layer', () => {
  it.each([0, 100, 512, 3000, 20_400])('that ends after %i bytes is refused', async (size) => {
    await refused(layer().subarray(0, size));
  });

  it('is refused before its end when it is read as a stream, too', async () => {
    const members: string[] = [];
    const take = ({ path }: { readonly path: string }): undefined => void members.push(path);
    await readTarStream(Readable.from([layer()]), take);
    expect(members).toEqual(['tool']);
    await expect(readTarStream(Readable.from([layer().subarray(0, 3000)]), take)).rejects.toThrow();
    await expect(readTarStream(Readable.from([Buffer.alloc(600, 'a')]), take)).rejects.toThrow();
  });

  it('that is no archive is refused', async () => {
    await refused(Buffer.from('a'.repeat(5000)));
    await refused(Buffer.from([0x1f, 0x8b, 1, 2, 3, 4]));
  });

  it('whose header was changed is refused', async () => {
    const bytes = layer();
    bytes.write('lo', 1);
    await refused(bytes);
  });

  it('whose names and links lead out of it reads nothing outside and writes nothing but the target', async () => {
    const root = join(directory(), 'evil');
    mkdirSync(root);
    writeFileSync(join(root, 'tool'), 'inside');
    const archive = join(directory(), 'evil.tar');
    execFileSync('tar', ['-cf', archive, '-C', root, '-P', '--transform=s,^tool$,../../../../tmp/caisson-escaped,', 'tool']);
    const before = readdirSync(directory()).length;
    const target = join(directory(), 'target');
    await expect(copyOutOfLayers([archive], '/tool', target)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect(existsSync('/tmp/caisson-escaped')).toBe(false);
    expect(readdirSync(directory())).toHaveLength(before);
  });
});
