import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync, existsSync, linkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyOutOfLayers } from '../../src/sources/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
let made = 0;

type Made = string | { readonly link: string } | { readonly hard: string };

/** A layer with these files and links, as tar writes it. */
function layer(members: Readonly<Record<string, Made>>, flags = '-czf'): string {
  made += 1;
  const root = join(directory(), `layer-${made}`);
  for (const [path, member] of Object.entries(members)) {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    if (typeof member === 'string') writeFileSync(at, member);
    else if ('link' in member) symlinkSync(member.link, at);
    else linkSync(join(root, member.hard), at);
  }
  execFileSync('tar', [flags, `${root}.tar`, '-C', root, '--sort=name', '.']);
  return `${root}.tar`;
}

async function copied(member: string, ...layers: readonly string[]): Promise<string> {
  const target = join(directory(), `target-${made}`);
  await copyOutOfLayers(layers, member, target);
  return readFileSync(target, 'utf8');
}

describe('a file of an image', () => {
  it('is that of the highest layer, compressed or not', async () => {
    const [low, high] = [layer({ 'bin/tool': 'old', 'bin/other': 'other' }), layer({ 'bin/tool': 'new' }, '-cf')];
    expect(await copied('/bin/tool', low, high)).toBe('new');
    expect(await copied('/bin/other', low, high)).toBe('other');
  });

  it('is found through links of files and directories, in whatever layer they are', async () => {
    const low = layer({ 'usr/bin/tool': 'the tool', bin: { link: 'usr/bin' }, 'usr/lib/x/tool': { link: '../../bin/tool' } });
    const high = layer({ 'opt/tool': { link: '/bin/tool' } });
    for (const member of ['/bin/tool', '/usr/lib/x/tool', '/opt/tool']) expect(await copied(member, low, high), member).toBe('the tool');
  });

  it('is found by its second name', async () => {
    const low = layer({ 'bin/a': 'both', 'bin/b': { hard: 'bin/a' } });
    expect(await copied('/bin/a', low)).toBe('both');
    expect(await copied('/bin/b', low)).toBe('both');
  });

  it.each([
    ['itself', { 'bin/.wh.tool': '' }],
    ['its directory', { '.wh.bin': '' }],
    ['all that its directory had', { 'bin/.wh..wh..opq': '' }],
    ['its directory in favour of a file', { bin: 'a file' }],
  ])('is not there when a higher layer removes %s', async (_, above) => {
    await expect(copied('/bin/tool', layer({ 'bin/tool': 'old' }), layer(above))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  it('is the one that a layer has beside a mark of its directory', async () => {
    expect(await copied('/bin/tool', layer({ 'bin/tool': 'old' }), layer({ 'bin/.wh..wh..opq': '', 'bin/tool': 'new' }))).toBe('new');
  });

  it.each([
    ['no image has', '/bin/absent'],
    ['is a directory', '/bin'],
    ['is a link to itself', '/loop'],
  ])('that %s is refused, and nothing is written', async (_, member) => {
    const target = join(directory(), 'target');
    await expect(copyOutOfLayers([layer({ 'bin/tool': 'x', loop: { link: 'loop' } })], member, target)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
    expect(existsSync(target)).toBe(false);
  });
});
