import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerCommands } from '../../../src/cli/commands/index.ts';
import { describeProgram, everyCommand } from '../../../src/cli/reference/index.ts';
import { runCaisson } from '../../support/run-caisson.ts';

describe('caisson completion', () => {
  it('refuses a shell that it has no script for, and names those it has', async () => {
    const { status, out, err } = await runCaisson(['completion', 'powershell']);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain('Allowed choices are bash, zsh, fish');
  });

  it.each(['bash', 'zsh', 'fish'])('prints the same script for %s each time, and as the result with --json', async (shell) => {
    const { status, out, err } = await runCaisson(['completion', shell]);
    expect([status, err]).toEqual([0, '']);
    expect((await runCaisson(['completion', shell])).out).toBe(out);
    expect(JSON.parse((await runCaisson(['completion', shell, '--json'])).out)).toEqual({ type: 'result', shell, script: out });
  });

  it.each([
    ['bash', /^complete -F _sample_ctl sample-ctl$/m],
    ['zsh', /^#compdef sample-ctl$/m],
    ['fish', /^complete -c 'sample-ctl' -f$/m],
  ])('completes in %s the name by which the program was started, and no other', async (shell, line) => {
    const { out } = await runCaisson(['completion', shell], { name: 'sample-ctl' });
    expect(out).toMatch(line);
    expect(out).not.toMatch(/^[^'"[]*\bcaisson\b/m);
  });
});

describe('the kinds of values', () => {
  it('are decided for every name that a command or an option gives to its value', async () => {
    const program = new Command('caisson');
    await registerCommands(program, () => Promise.resolve());
    const all = everyCommand(describeProgram(program)).flatMap(({ options, values }) => [
      ...options.flatMap(({ value }) => value ?? []),
      ...values,
    ]);
    const names = (kind: string): string =>
      [...new Set(all.filter((value) => value.kind === kind).map(({ name }) => name))].toSorted().join(' ');
    expect(names('file')).toMatchInlineSnapshot(`"bundle file layer lock path target"`);
    expect(names('directory')).toMatchInlineSnapshot(`"dir directory"`);
    // A name that is new here may be one of a file: then it belongs into value-kind.ts.
    expect(names('text')).toMatchInlineSnapshot(
      `"address authority choice component digest domain fingerprint host host:port host=file host=url id member name name=choice network node number os/architecture port registry role shell size time type user values version"`,
    );
  });
});
