import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { everyHelp } from '../../support/every-help.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();

describe('caisson man', () => {
  it('prints the page of the program, and that of a command', async () => {
    const root = await runCaisson(['man']);
    expect([root.status, root.err]).toEqual([0, '']);
    expect(root.out).toMatch(/^\.TH CAISSON 1 "2026-01-31" "caisson 1\.2\.3"\n\.SH NAME\n/);
    const { out } = await runCaisson(['man', 'node', 'add']);
    expect(out).toMatch(/^\.TH "CAISSON-NODE-ADD" 1 /);
    expect(out).toContain('.SH SYNOPSIS\n\\fBcaisson node add\\fR [options] <name>\n');
    expect(out).toContain('.TP\n\\fB\\-\\-iip\\fR \\fIaddress\\fR\naddress by which the other hosts reach it\n');
    expect(out).toContain('.TP\n\\fB4\\fR\nverification failed\n');
    expect(out).toContain('.SH "SEE ALSO"\n\\fBcaisson\\-node\\fR(1)\n');
  });

  it('names the pages for the name by which the program was started', async () => {
    const { out } = await runCaisson(['man', 'verify', '--json'], { name: 'samplectl' });
    expect(JSON.parse(out)).toMatchObject({ file: 'samplectl-verify.1', page: expect.stringMatching(/^\.TH "SAMPLECTL-VERIFY"/) });
    expect(out).not.toContain('caisson verify');
  });

  it('writes a page for each command that has a help, with the same bytes each time', async () => {
    const pages = async (name: string): Promise<Readonly<Record<string, string>>> => {
      const to = join(directory(), name);
      expect(await runCaisson(['man', '--directory', to])).toMatchObject({ status: 0, err: '' });
      const files = (await readdir(to)).toSorted();
      return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(join(to, file), 'utf8')])));
    };
    const first = await pages('first');
    const helps = await everyHelp();
    expect(Object.keys(first)).toEqual(helps.map(({ words }) => `${['caisson', ...words].join('-')}.1`).toSorted());
    expect(await pages('second/below')).toEqual(first);
    for (const { words, options } of helps) {
      const page = first[`${['caisson', ...words].join('-')}.1`];
      for (const option of options) expect(page).toContain(`\\fB${option.replaceAll('-', '\\-')}\\fR`);
    }
  });

  it.each([
    [['man', 'node', 'adde'], 2, 'Cannot print the page of "node adde"'],
    [['man', 'verify', '--directory', 'pages'], 2, 'Cannot write the page of one command alone'],
  ])('refuses %j', async (argv, status, message) => {
    const ended = await runCaisson(argv);
    expect([ended.status, ended.out]).toEqual([status, '']);
    expect(ended.err).toContain(message);
  });

  it('says where it cannot write', async () => {
    const file = join(directory(), 'file');
    await writeFile(file, '');
    const { status, err } = await runCaisson(['man', '--directory', join(file, 'man1')]);
    expect(status).toBe(5);
    expect(err).toContain(`Error OUTPUT_WRITE_FAILED: Cannot write pages of the manual into "${join(file, 'man1')}"`);
  });
});
