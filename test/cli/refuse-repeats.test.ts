import { Command, CommanderError, type Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerCommands } from '../../src/cli/commands/index.ts';
import { refuseRepeats } from '../../src/cli/refuse-repeats.ts';
import { runCaisson } from '../support/run-caisson.ts';

/** Options whose values are joined, by the command that has them. */
const LISTS =
  /^--(?:platform|mirror|executable|base|ca|client-certificate|sign-key|bundle|forget|role|option|option-value|images|files|tls-name|recipient|component|update)$/;

interface Given {
  readonly name: string;
  readonly command: Command;
  readonly option: Option;
}

async function everyOption(): Promise<Given[]> {
  const program = new Command('caisson').enablePositionalOptions();
  await registerCommands(program, () => Promise.resolve());
  refuseRepeats(program);
  const walk = (command: Command, name: string): Given[] => {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    const options = command.options.filter(({ required, optional }) => required || optional);
    return [
      ...options.map((option) => ({ name: `${name} ${option.long ?? ''}`, command, option })),
      ...command.commands.flatMap((below) => walk(below, `${name} ${below.name()}`)),
    ];
  };
  return walk(program, 'caisson');
}

/** The value of the option after two different values of it, or the message of the refusal. */
function giveTwice({ command, option }: Given): unknown {
  const values = option.argChoices ?? (/number/.test(option.flags) ? ['3', '4'] : ['a=1', 'b=2']);
  try {
    command.parseOptions([option.long ?? '', values[0] ?? '', option.long ?? '', values[1] ?? '']);
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
  return command.getOptionValue(option.attributeName());
}

const OPTIONS = await everyOption();

describe('an option that is given twice', () => {
  it.each(OPTIONS.map((given) => [given.name, given] as const))('%s keeps both values, or is refused by its name', (_name, given) => {
    const found = giveTwice(given);
    if (LISTS.test(given.option.long ?? '') || given.option.description.includes('may be repeated')) expect(found).toEqual(['a=1', 'b=2']);
    else expect(found).toBe(`error: option '${given.option.flags}' is given twice, and takes one value`);
  });

  it('is a usage error with status 2, and nothing is done', async () => {
    const { status, out, err } = await runCaisson(['build-bundle', '--lock', 'a.json', '--lock=b.json']);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toContain("option '--lock <file>' is given twice");
  });

  it('may be one option of the program and one of the command with the same name', async () => {
    const { err } = await runCaisson(['--json', 'verify', '/nowhere/x.tar', '--json', '--json']);
    expect(err).toContain('INPUT_UNREADABLE');
  });
});
