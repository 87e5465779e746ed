import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerCommands } from '../../../src/cli/commands/index.ts';

async function namesOf(wanted?: string): Promise<readonly string[]> {
  const program = new Command();
  await registerCommands(program, async () => {}, wanted);
  return program.commands.map((command) => command.name());
}

describe('registerCommands', () => {
  it('adds the one command that is named, whichever it is, and all where it tells of all', async () => {
    const all = await namesOf();
    for (const name of all) expect(await namesOf(name)).toEqual(['completion', 'man'].includes(name) ? all : [name]);
  });

  it('adds all commands for help, and for a name that none has', async () => {
    const all = await namesOf();
    expect(all.slice(0, 2)).toEqual(['lint', 'build-bundle']);
    expect(new Set(all).size).toBe(all.length);
    for (const name of ['help', 'bulid-bundle', 'toString']) expect(await namesOf(name)).toEqual(all);
  });
});
