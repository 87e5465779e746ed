import { describe, expect, it } from 'vitest';
import { BACKUP_SCENARIOS } from './guide-backups.ts';
import { CHANGE_SCENARIOS } from './guide-changes.ts';
import { commandsOf, readGuide, unknownCommands } from './guide-commands.ts';
import { MOVE_SCENARIOS } from './guide-moves.ts';
import { NODE_SCENARIOS } from './guide-nodes.ts';
import { describeScenarios } from './guide-scenario.ts';

const SCENARIOS = [...NODE_SCENARIOS, ...MOVE_SCENARIOS, ...CHANGE_SCENARIOS, ...BACKUP_SCENARIOS];
const RUN = new Set(SCENARIOS.flatMap(({ steps }) => steps.map(({ command }) => command)));

/** Commands of the guide that no simulated site runs, with the reason or the test that runs them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'caisson install': 'the name of the command, which needs flags',
  'caisson init': 'the name of the command: test/cli/commands/init.test.ts',
  'caisson cluster': 'asks agents over the network: test/cli/commands/cluster.test.ts',
  'grctl cluster': 'as above',
  'grctl agent status': 'asks the agent of this machine: test/cli/commands/agent.test.ts',
  'systemctl start caisson-backup && journalctl -u caisson-backup -n 20':
    'needs systemd as process 1; systemd checks the unit in test/plan/timers.authority.test.ts',
  'caisson certificates renew --due --yes': 'as the timer runs it: test/cli/commands/due-renewal.test.ts',
  'systemctl list-timers caisson-backup.timer': 'needs systemd as process 1, as above',
  'caisson rollback --online': 'test/usecases/online-upgrade.test.ts',
  'caisson node down c2': 'with other names in test/cli/commands/node-down.test.ts and test/usecases/node-down.test.ts',
  'caisson node down c2 --plan': 'as above',
  'caisson node up c2': 'as above',
  'caisson node up c2 --bundle FILE': 'as above',
  'caisson node down m1 --force': 'as above',
  'caisson logs': 'the name of the command',
  'caisson support-bundle': 'the name of the command',
  'caisson logs rbd-gateway --follow': 'has no end: test/usecases/logs.test.ts',
  'gpg --decrypt FILE | tar -tvf -': 'test/docs/operate.authority.test.ts',
  'gpg --decrypt FILE | tar -C / -xpf - var/lib/caisson/secrets': 'test/docs/operate.authority.test.ts',
};

describe('the guide', () => {
  it('is told of each command that no test runs, by its line', () => {
    const page = ['# Page', '```sh', '# words', 'caisson known   # words', 'caisson new \\', '  --flag', '```', 'Run `caisson more x`.'];
    expect(unknownCommands(commandsOf(page.join('\n')), new Set(['caisson known']))).toEqual([
      'docs/operate.md:5: caisson new --flag',
      'docs/operate.md:8: caisson more x',
    ]);
  });

  it('has no command that no test runs', async () => {
    expect(unknownCommands(commandsOf(await readGuide()), new Set([...RUN, ...Object.keys(ELSEWHERE)]))).toEqual([]);
  });

  it('has every command that a test runs', async () => {
    const commands = new Set(commandsOf(await readGuide()).map(({ text }) => text));
    expect([...RUN, ...Object.keys(ELSEWHERE)].filter((command) => !commands.has(command))).toEqual([]);
  });
});

describe('the commands of the guide do what it says', () => {
  describeScenarios(SCENARIOS);
});
