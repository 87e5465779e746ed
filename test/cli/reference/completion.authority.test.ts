import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { bashCompletion, describeProgram, fishCompletion, zshCompletion } from '../../../src/cli/reference/index.ts';
import { everyHelp } from '../../support/every-help.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { bashOffers, fishOffers, typedIntoBash, zshOffers } from '../../support/shell-completions.ts';
import { useSharedTempDir } from '../../support/temp-dir.ts';

const directory = useSharedTempDir();
const HELPS = await everyHelp();

const FILES = ['release.tar', 'releases'];
/** Lines whose last word is completed, and the words that may be offered for it. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['caisson verif', ['verify']],
  ['caisson --json verif', ['verify']],
  ['caisson help verif', ['verify']],
  ['caisson help node cord', ['cordon']],
  ['caisson verfy rel', []],
  ['caisson node cord', ['cordon']],
  ['caisson node --json cord', ['cordon']],
  ['caisson completion ', ['bash', 'fish', 'zsh']],
  ['caisson init --install-type ', ['offline', 'online']],
  ['caisson init --install-type=of', ['offline']],
  ['caisson node add --role-', []],
  ['caisson node add --rol', ['--role']],
  ['caisson node add rel', []],
  ['caisson node add --iip rel', []],
  ['caisson verify rel', FILES],
  ['caisson verify a.tar --require-signature rel', FILES],
  ['caisson verify a.tar b.tar rel', FILES],
  ['caisson sign a.tar rel', []],
  ['caisson build-bundle --lock rel', FILES],
  ['caisson build-bundle --lock=rel', FILES],
  ['caisson build-bundle --manifests rel', ['releases']],
  ['caisson build-bundle --name rel', []],
  ['caisson build-bundle --lock verify --upd', ['--update']],
  ['caisson install --bundle rel', FILES],
  ['caisson install --bundle a.tar rel', FILES],
  ['caisson install --bundle a.tar --cluster c.yaml rel', []],
  ['caisson install --bundle a.tar --purg', ['--purge']],
  ['caisson install rel', []],
  ['caisson push a.tar rel', []],
  ['caisson push a.tar harbor.example:443/a --base rel', FILES],
  ['caisson serve --listen 127.0.0.1:5000 rel', FILES],
  ['caisson verify -- rel', FILES],
  ['caisson verify -- --requir', []],
];

beforeAll(async () => {
  await writeFile(join(directory(), 'release.tar'), '');
  await mkdir(join(directory(), 'releases'));
});

describe.each([
  ['bash', bashOffers],
  ['zsh', zshOffers],
  ['fish', fishOffers],
] as const)('%s, with its completion script', (shell, offers) => {
  const ask = async (lines: readonly string[]) => offers(directory(), (await runCaisson(['completion', shell])).out, lines);

  it('offers what fits at the place of the word', async () => {
    const offered = await ask(CASES.map(([line]) => line));
    expect(CASES.map(([line], index) => [line, offered[index]])).toEqual(CASES);
  });

  it('offers the commands that the help lists, below each command', async () => {
    const groups = HELPS.filter(({ commands }) => commands.length > 0);
    const offered = await ask(groups.map(({ words }) => `${['caisson', ...words].join(' ')} `));
    expect(groups.map(({ words }, index) => [words.join(' '), offered[index]])).toEqual(
      groups.map(({ words, commands }) => [words.join(' '), commands.toSorted()]),
    );
  });

  it('offers the options that the help lists, of each command', async () => {
    const offered = await ask(HELPS.map(({ words }) => `${['caisson', ...words].join(' ')} --`));
    expect(HELPS.map(({ words }, index) => [words.join(' '), offered[index]])).toEqual(
      HELPS.map(({ words, options }) => [words.join(' '), options.toSorted()]),
    );
  });
});

describe.each([
  ['bash', bashOffers, bashCompletion],
  ['zsh', zshOffers, zshCompletion],
  ['fish', fishOffers, fishCompletion],
] as const)('%s, where the value of an option may be left out', (_shell, offers, completion) => {
  it('offers the options behind it, with a value and without', async () => {
    const program = new Command('caisson');
    program.command('build').option('--update [name...]', 'these, or all').option('--plan', 'change nothing');
    const lines = ['caisson build --upd', 'caisson build --update --pl', 'caisson build --update a --pl', 'caisson build --update rel'];
    expect(await offers(directory(), completion(describeProgram(program)), lines)).toEqual([['--update'], ['--plan'], ['--plan'], []]);
  });
});

describe('the line editor of bash', () => {
  it('completes words with quotes, blanks, equals signs and colons', async () => {
    await writeFile(join(directory(), 'last release.tar'), '');
    const { out: script } = await runCaisson(['completion', 'bash']);
    const typed: readonly (readonly [line: string, words: readonly string[]])[] = [
      ['caisson verif', ['verify']],
      ['caisson node unc', ['node', 'uncordon']],
      ['caisson verify last', ['verify', 'last release.tar']],
      ['caisson verify "last', ['verify', 'last release.tar']],
      ['caisson verify last\\ re', ['verify', 'last release.tar']],
      ['caisson build-bundle --lock=last', ['build-bundle', '--lock=last release.tar']],
      ['caisson build-bundle --manifests releas', ['build-bundle', '--manifests', 'releases/']],
      ['caisson serve --listen 127.0.0.1:5000 last', ['serve', '--listen', '127.0.0.1:5000', 'last release.tar']],
    ];
    expect(
      await typedIntoBash(
        directory(),
        script,
        typed.map(([line]) => line),
      ),
    ).toEqual(typed.map(([, words]) => words));
  });
});
