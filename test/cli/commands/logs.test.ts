import { describe, expect, it } from 'vitest';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const sites = useCommandSites(useTempDir());

/** Messages that the simulated journald of every host has for one unit: one of each host, in the order of the hosts' names. */
async function withMessages(): Promise<CommandSite & { readonly asked: readonly string[] }> {
  const made = await sites.installed(THREE_NODES);
  const asked: string[] = [];
  for (const [index, machine] of made.site.machines.entries()) {
    machine.programs.set('journalctl', (words) => {
      asked.push(`${machine.name}: ${words.filter((word) => /^--(?:unit|lines|since)=/.test(word)).join(' ')}`);
      const unit = words.at(-1)?.replace('--unit=', '') ?? '';
      const entry = { __CURSOR: `s=${index}`, __REALTIME_TIMESTAMP: String(1_767_225_600_000_000 + index), _SYSTEMD_UNIT: unit };
      return { stdout: `${JSON.stringify({ ...entry, MESSAGE: `first of ${machine.name}\nsecond \u001b[31mline` })}\n` };
    });
  }
  return { ...made, asked };
}

describe('caisson logs', () => {
  it('prints the messages of a component on all its nodes, the oldest first, with control characters escaped', async () => {
    const { told, asked } = await withMessages();
    expect(await told(['logs', 'web'])).toMatchInlineSnapshot(`
      "[stdout]
      2026-01-01 00:00:00Z f1 web: first of f1
                                   second \\x1b[31mline
      2026-01-01 00:00:00Z f2 web: first of f2
                                   second \\x1b[31mline
      [status 0]"
    `);
    expect(asked.toSorted()).toEqual(['f1: --lines=100 --unit=web.service', 'f2: --lines=100 --unit=web.service']);
  });

  it('asks one node, for so many messages and none before a time', async () => {
    const { run, asked } = await withMessages();
    const { status, out } = await run(['logs', 'web', '--node', 'f2', '--lines', '5', '--since', '1 hour ago', '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      type: 'result',
      node: 'f2',
      time: '2026-01-01T00:00:00.000Z',
      unit: 'web.service',
      severity: 6,
      message: 'first of f2\nsecond \u001b[31mline',
    });
    expect(asked).toEqual(['f2: --lines=5 --since=1 hour ago --unit=web.service']);
  });

  it('knows the unit of a package, and the parts of Caisson', async () => {
    const { run, asked } = await withMessages();
    for (const words of [['docker', '--node', 'm1'], ['agent', '--node', 'f1'], ['depot']]) {
      expect(await run(['logs', ...words])).toMatchObject({ status: 0 });
    }
    expect(asked.map((line) => line.replace('--lines=100 ', ''))).toEqual([
      'm1: --unit=docker.service',
      'f1: --unit=caisson-agent.service',
      'm1: --unit=caisson-depot.service',
    ]);
  });

  it('prints what it has and fails for nodes that cannot be reached', async () => {
    const { site, told } = await withMessages();
    site.machine('f1').reachable = false;
    expect(await told(['logs', 'web'])).toMatchInlineSnapshot(`
      "[stderr]
      Error HOST_UNREACHABLE: Cannot read the messages of "web" on every node: "f1": "f1" does not answer
        Check the address, that sshd runs, and that nothing filters the port
      [stdout]
      2026-01-01 00:00:00Z f2 web: first of f2
                                   second \\x1b[31mline
      [status 6]"
    `);
  });

  it.each([
    [['logs', 'wbe'], 'did you mean "web"?'],
    [['logs', 'store', '--node', 'f1'], 'It is on: m1'],
    [['logs', 'web', '--lines', '0'], 'It is not a number from 1 to 10000'],
  ])('refuses %j', async (words, hint) => {
    const { run, asked } = await withMessages();
    expect(await run(words)).toMatchObject({ status: 2, err: expect.stringContaining(hint) });
    expect(asked).toEqual([]);
  });

  it('says that a machine without a record is no seed', async () => {
    const { run } = await sites.bare(THREE_NODES);
    expect(await run(['logs', 'web'])).toMatchObject({ status: 3, err: expect.stringContaining('SITE_UNKNOWN') });
  });
});
