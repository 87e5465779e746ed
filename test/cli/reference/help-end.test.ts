import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerCommands } from '../../../src/cli/commands/index.ts';
import { refuseRepeats } from '../../../src/cli/refuse-repeats.ts';
import { everyHelp } from '../../support/every-help.ts';
import { runCaisson } from '../../support/run-caisson.ts';

const HELPS = await everyHelp();
const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
const STATUSES = [...PAGE.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, status = '', meaning = '']) => [status, meaning]);

/** The lines of a section of a help without those of the next one. */
function section(text: string, title: string): readonly string[] {
  const [, rest = ''] = text.split(`\n${title}:\n`);
  return rest.split('\n\n', 1)[0]?.split('\n').filter(Boolean) ?? [];
}

function examplesIn(text: string): readonly string[] {
  return section(text, 'Examples')
    .filter((line) => /^ {2}\S/.test(line))
    .map((line) => line.trim());
}

/** Parses a line with the commands of the program without doing their work. Returns the command that it runs, or its help. */
async function parse(line: string): Promise<string> {
  const [name = '', ...words] = line.split(' ');
  let command = '';
  const program = new Command(name).enablePositionalOptions().hook('preAction', (_program, action) => {
    for (let at: Command | null = action; at !== null; at = at.parent) command = `${at.name()} ${command}`.trim();
  });
  await registerCommands(program, () => Promise.resolve());
  refuseRepeats(program);
  const silence = (at: Command): void => {
    at.option('--json')
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    at.commands.forEach(silence);
  };
  silence(program);
  await program.parseAsync(['node', name, ...words]);
  return command;
}

describe.each(HELPS.map((help) => [['caisson', ...help.words].join(' '), help] as const))('the help of %s', (command, { text }) => {
  const examples = examplesIn(text);

  it('has examples, each with a line about it', () => {
    expect(examples.length).toBeGreaterThan(0);
    expect(section(text, 'Examples').length).toBe(examples.length * 2);
  });

  it.each(examples.filter((line) => !line.startsWith('caisson help ')))('has an example that the program takes: %s', async (line) => {
    expect(`${await parse(line)} `).toMatch(new RegExp(`^${command} `));
    expect(`${line} `).toMatch(new RegExp(`^${command} `));
  });

  it('ends with the exit statuses of docs/errors.md', () => {
    const statuses = section(text, 'Exit status').map((line) => /^ {2}(\d+) +(.+)$/.exec(line)?.slice(1));
    expect(statuses).toEqual(STATUSES);
  });
});

describe('examples', () => {
  it('have the name by which the program was started', async () => {
    expect(examplesIn((await runCaisson(['node', 'list', '--help'], { name: 'samplectl' })).out)).toEqual(['samplectl node list']);
  });
});
