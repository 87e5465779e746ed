import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { readersBundle, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();

describe.each([
  ['GNU tar', ['tar']],
  ['bsdtar', ['bsdtar']],
  ['busybox tar', ['busybox', 'tar']],
])('%s', (_, [tool = '', ...command]) => {
  const tar = async (...argv: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await ask(bundle().directory, tool, ...command, ...argv);
    expect(stderr).toBe('');
    return stdout;
  };

  it('lists the members in their order, without a complaint', async () => {
    const { path, plan } = bundle();
    expect((await tar('-tf', path)).trimEnd().split('\n')).toEqual(plan.members.map((member) => member.path));
    expect(plan.members.filter((member) => member.path.length > 100).length).toBeGreaterThanOrEqual(2);
  });

  it('extracts what sha256sum then finds whole', async () => {
    const { directory, path, plan } = bundle();
    const target = join(directory, `out-${tool}`);
    mkdirSync(target);
    await tar('-xf', path, '-C', target);
    const { stdout } = await ask(target, 'sha256sum', '-c', '--strict', 'SHA256SUMS');
    const checked = stdout.trimEnd().split('\n');
    expect(checked.every((line) => line.endsWith(': OK'))).toBe(true);
    expect(checked).toHaveLength(plan.members.length - 1);
    for (const [name, bytes] of readersBundle().contents) expect(readFileSync(join(target, name)).equals(bytes)).toBe(true);
  });

  it('extracts one member by its name, however long that is', async () => {
    const { directory, path, plan } = bundle();
    const target = join(directory, `one-${tool}`);
    mkdirSync(target);
    const long = plan.members.filter((member) => member.path.length > 100);
    await tar('-xf', path, '-C', target, ...long.map((member) => member.path));
    for (const member of long) expect(readFileSync(join(target, member.path))).toEqual(Buffer.from(member.content ?? []));
  });
});

describe('the header of a member', () => {
  it('shows root, the mode and the date of the bundle to GNU tar', async () => {
    const { directory, path, plan } = bundle();
    const { stdout } = await ask(directory, 'tar', '--numeric-owner', '--full-time', '-tvf', path);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(plan.members.length);
    for (const line of lines) expect(line).toMatch(/^-rw(-r--r--|xr-xr-x) 0\/0 +\d+ 2026-03-04 05:06:07 \S+$/);
    expect(lines.find((line) => line.endsWith(' caisson'))).toMatch(/^-rwxr-xr-x/);
  });

  it('says where the data is, as GNU tar counts blocks', async () => {
    const { directory, path, plan } = bundle();
    const lines = (await ask(directory, 'tar', '-tRf', path)).stdout.trimEnd().split('\n');
    const blocks = lines.flatMap((line) => (/\*\*/.test(line) ? [] : [Number(/^block (\d+):/.exec(line)?.[1]) * 512]));
    expect(blocks).toEqual(plan.members.map(({ offset }) => offset - 512));
  });
});
