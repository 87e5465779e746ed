import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  advance,
  generationFiles,
  generationOfFiles,
  heldGenerations,
  phaseOf,
  readGenerations,
  removeEarlierGenerations,
  seedLayout,
  SITE_AUTHORITY,
  trustedGenerations,
  writeGenerations,
  type Generations,
} from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const layout = () => seedLayout(directory());

describe('a rotation of an authority', () => {
  it('goes from the first generation to the second in three phases, and from there to the third', () => {
    const stored: Generations[] = [{ issuer: 1 }];
    for (let step = 0; step < 5; step += 1) stored.push(advance(stored.at(-1) ?? { issuer: 1 }));
    expect(stored).toEqual([
      { issuer: 1 },
      { issuer: 1, next: 2 },
      { issuer: 2, before: 1 },
      { issuer: 2, retired: 1 },
      { issuer: 2 },
      { issuer: 2, next: 3 },
    ]);
    expect(stored.map(phaseOf)).toEqual([undefined, 'trust', 'issue', 'retire', undefined, 'trust']);
  });

  it.each<readonly [Generations, readonly number[], readonly number[]]>([
    [{ issuer: 4 }, [4], [4]],
    [{ issuer: 4, next: 5 }, [4, 5], [4, 5]],
    [{ issuer: 5, before: 4 }, [5, 4], [5, 4]],
    [{ issuer: 5, retired: 4 }, [5], [5, 4]],
  ])('with %o: which generations hosts trust, the one that issues first, and which the seed keeps', (stored, trusted, held) => {
    expect(trustedGenerations(stored)).toEqual(trusted);
    expect(heldGenerations(stored)).toEqual(held);
  });
});

describe('the files of a generation', () => {
  it.each([
    [SITE_AUTHORITY, 1, 'ca'],
    [SITE_AUTHORITY, 2, 'ca.2'],
    ['etcd', 1, 'etcd'],
    ['etcd', 12, 'etcd.12'],
    ['front-proxy', 3, 'front-proxy.3'],
  ])('of authority %s, number %i, are named %s, and tell both', (authority, number, name) => {
    expect(generationFiles(authority, number)).toBe(name);
    expect(generationOfFiles(name)).toEqual({ authority, number });
  });
});

describe('the stored generations', () => {
  it('are those of the first install where none were written', async () => {
    expect(await readGenerations(layout(), 'etcd')).toEqual({ issuer: 1 });
  });

  it.each<Generations>([{ issuer: 1, next: 2 }, { issuer: 2, before: 1 }, { issuer: 2, retired: 1 }, { issuer: 2 }])(
    'are read as they were written, of this authority alone: %o',
    async (stored) => {
      await mkdir(layout().authorities, { recursive: true });
      await writeGenerations(layout(), 'etcd', stored);
      expect(await readGenerations(layout(), 'etcd')).toEqual(stored);
      expect(await readGenerations(layout(), SITE_AUTHORITY)).toEqual({ issuer: 1 });
      expect((await stat(join(layout().authorities, 'etcd.json'))).mode & 0o777).toBe(0o600);
    },
  );

  it.each([
    '',
    '{',
    '[]',
    '{}',
    '{"issuer":0}',
    '{"issuer":1.5}',
    '{"issuer":2,"next":3,"before":1}',
    '{"issuer":2,"next":0}',
    '{"issuer":2,"before":0}',
    '{"issuer":2,"retired":0}',
  ])('are not guessed from a damaged file: %s', async (text) => {
    await mkdir(layout().authorities, { recursive: true });
    await writeFile(join(layout().authorities, 'etcd.json'), text);
    await expect(readGenerations(layout(), 'etcd')).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining(`"etcd" was replaced: "${join(layout().authorities, 'etcd.json')}" is damaged`),
      hint: expect.stringContaining('caisson restore'),
    });
  });

  it('are said not to be written where the place is no directory', async () => {
    await mkdir(join(layout().authorities, '..'), { recursive: true });
    await writeFile(layout().authorities, 'a file');
    await expect(writeGenerations(layout(), 'etcd', { issuer: 1 })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining(join(layout().authorities, 'etcd.json')),
    });
  });
});

describe('removeEarlierGenerations', () => {
  const FILES = [
    'ca.crt',
    'ca.key',
    'ca.2.crt',
    'ca.2.key',
    'etcd.crt',
    'etcd.key',
    'etcd.2.crt',
    'etcd.2.key',
    'etcd.3.crt',
    'etcd.3.key',
  ];

  async function remainder(stored: Generations): Promise<readonly string[]> {
    await mkdir(layout().authorities, { recursive: true });
    for (const file of [...FILES, 'etcd.2.crt.tmp']) await writeFile(join(layout().authorities, file), file);
    await writeGenerations(layout(), 'etcd', stored);
    await removeEarlierGenerations(layout(), 'etcd');
    return (await readdir(layout().authorities)).sort();
  }

  it.each<readonly [string, Generations, readonly string[]]>([
    [
      'removes keys and certificates of those before the one that issues',
      { issuer: 3 },
      ['etcd.crt', 'etcd.key', 'etcd.2.crt', 'etcd.2.key'],
    ],
    ['keeps one that is still trusted', { issuer: 3, before: 2 }, ['etcd.crt', 'etcd.key']],
    ['keeps one whose key the seed still has', { issuer: 3, retired: 2 }, ['etcd.crt', 'etcd.key']],
    ['keeps later ones, which a rotation that was killed at its beginning has made', { issuer: 2 }, ['etcd.crt', 'etcd.key']],
    ['removes none while the first one counts', { issuer: 1, next: 2 }, []],
  ])('%s, and nothing of other authorities', async (_, stored, gone) => {
    const expected = [...FILES, 'etcd.2.crt.tmp', 'etcd.json'].filter((file) => !gone.includes(file)).sort();
    expect(await remainder(stored)).toEqual(expected);
  });

  it('has nothing to do on a machine without authorities', async () => {
    await removeEarlierGenerations(layout(), 'etcd');
    expect(await readdir(directory())).toEqual([]);
  });
});
