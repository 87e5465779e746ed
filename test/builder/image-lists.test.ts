import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImageLists } from '../../src/builder/image-lists.ts';
import { formatSource } from '../../src/sources/index.ts';
import { runCaisson } from '../support/run-caisson.ts';
import { useTempDir } from '../support/temp-dir.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const OTHER_DIGEST = `sha256:${'cd'.repeat(32)}`;
const temporary = useTempDir();

async function list(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(temporary(), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function read(paths: readonly string[], stdin = ''): Promise<{ text: string; images: readonly string[] }> {
  const { content, entries } = await readImageLists(paths, async () => Buffer.from(stdin));
  return { text: Buffer.from(content).toString('utf8'), images: entries.map(({ source, name }) => `${formatSource(source)} as ${name}`) };
}

describe('readImageLists', () => {
  it('gives the bytes of one list as they are', async () => {
    const bytes = Buffer.from('\uFEFFnginx:1\r\n', 'utf16le');
    const { content, entries } = await readImageLists([await list('a.txt', bytes)], async () => Buffer.from(''));
    expect(Buffer.from(content).equals(bytes)).toBe(true);
    expect(entries).toHaveLength(1);
  });

  it('joins several, with one entry for what is in both', async () => {
    const a = await list('a.txt', 'nginx:1\nredis:1');
    const b = await list('b.txt', Buffer.from(`\uFEFFdocker.io/library/nginx:1@${DIGEST}\r\nquay.io/b:2\r\n`, 'utf16le'));
    expect(await read([a, b])).toEqual({
      text: `nginx:1\nredis:1\ndocker.io/library/nginx:1@${DIGEST}\r\nquay.io/b:2\n`,
      images: [
        `docker.io/library/nginx:1@${DIGEST} as docker.io/library/nginx:1`,
        'docker.io/library/redis:1 as docker.io/library/redis:1',
        'quay.io/b:2 as quay.io/b:2',
      ],
    });
  });

  it('names the lines of both where two contradict each other', async () => {
    const a = await list('a.txt', `\nnginx:1@${DIGEST}\nx:1 as y:1\n`);
    const b = await list('b.txt', `nginx:1@${OTHER_DIGEST}\nz:1 as y:1\n`);
    await expect(read([a, b])).rejects.toMatchObject({
      file: b,
      problems: [
        { position: { line: 1, column: 1 }, reason: `"docker.io/library/nginx:1" has another digest on line 2 of "${a}"` },
        { position: { line: 2, column: 1 }, reason: `the name "docker.io/library/y:1" is taken by line 3 of "${a}"` },
      ],
    });
  });

  it('finds the archives of each list beside it', async () => {
    const a = await list('one/a.txt', 'oci-archive:x.tar as a:1');
    const b = await list('two/b.txt', 'oci-archive:sub/y.tar as b:1\ndocker-archive:/abs/z.tar as c:1\nnginx:1');
    expect((await read([a, b])).images).toEqual([
      'oci-archive:x.tar as docker.io/library/a:1',
      'oci-archive:../two/sub/y.tar as docker.io/library/b:1',
      'docker-archive:/abs/z.tar as docker.io/library/c:1',
      'docker.io/library/nginx:1 as docker.io/library/nginx:1',
    ]);
  });

  it('reads the standard input in the place of -, once', async () => {
    const a = await list('a.txt', 'nginx:1\n');
    expect(await read(['-', a], 'redis:1\n')).toMatchObject({ text: 'redis:1\nnginx:1\n' });
    await expect(read(['-', '-'])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(read(['-'], 'BAD')).rejects.toThrow(/standard input:1:1/);
  });
});

describe('--images', () => {
  const manifests = ['--manifests', resolve(import.meta.dirname, '../../manifests')];

  it('takes several files, and - for the standard input', async () => {
    const a = await list('a.txt', `nginx:1@${DIGEST}\n`);
    const argv = ['build-bundle', ...manifests, '--images', a, '--images', '-', '--plan'];
    const { status, err } = await runCaisson(argv, { stdin: `nginx:1@${OTHER_DIGEST}\n` });
    expect(err).toContain(`standard input:1:1: "docker.io/library/nginx:1" has another digest on line 1 of "${a}"`);
    expect(status).toBe(3);
  });

  it('is images.txt without the flag', async () => {
    const { err } = await runCaisson(['build-bundle', ...manifests, '--images', join(temporary(), 'missing.txt')]);
    expect(err).toContain('missing.txt');
    expect((await runCaisson(['build-bundle', '--help'])).out).toMatch(/--images <file> .*\(default:\s+images\.txt\)/s);
  });
});
