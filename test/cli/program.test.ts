import { describe, expect, it } from 'vitest';
import { programName } from '../../src/cli/index.ts';
import { runCaisson as caisson } from '../support/run-caisson.ts';

describe('runProgram', () => {
  it('prints its version and its help with status 0', async () => {
    expect(await caisson(['--version'])).toEqual({ status: 0, out: '1.2.3\n', err: '' });
    const { status, out } = await caisson(['--help']);
    expect(status).toBe(0);
    for (const command of ['build-bundle', 'verify', 'inspect', 'serve', 'install', 'cluster', 'agent'])
      expect(out).toContain(`  ${command}`);
  });

  it.each([[['bulid-bundle']], [['verify']], [['verify', 'a', '--nonsense']], [['install', '--bundle', 'a', '--cluster', 'b']]])(
    'refuses the command line %j with status 2 and says what is wrong',
    async (argv) => {
      const { status, out, err } = await caisson(argv);
      expect(status).toBe(2);
      expect(out).toBe('');
      expect(err).not.toBe('');
    },
  );

  it.each([['install'], ['reset']])('%s takes a number of hosts with --parallel, and nothing else', async (command) => {
    expect((await caisson([command, '--help'])).out).toMatch(/--parallel <number> .*\(default: 32\)/s);
    for (const value of ['0', '1001', '1.5', '0x10', 'all']) {
      const { status, err } = await caisson([command, '--bundle', 'a', '--cluster', 'b', '--parallel', value]);
      expect(status).toBe(2);
      expect(err).toContain('It is not a number from 1 to 1000');
    }
  });

  it('shows usage under the name by which it was started', async () => {
    expect((await caisson(['--help'], { name: 'samplectl' })).out).toMatch(/^Usage: samplectl /);
    expect((await caisson(['node', 'list', '--help'], { name: 'samplectl' })).out).toMatch(/^Usage: samplectl node list /);
    expect((await caisson(['verify'], { name: 'samplectl' })).err).toContain('samplectl help COMMAND');
    expect((await caisson(['--help'])).out).toMatch(/^Usage: caisson /);
  });

  it.each([
    ['/usr/local/bin/samplectl', 'samplectl'],
    ['samplectl', 'samplectl'],
    ['-samplectl', 'samplectl'],
    ['./caisson-linux-amd64', 'caisson'],
    ['/usr/local/bin/caisson', 'caisson'],
    ['/opt/caisson/dist/main.js', 'caisson'],
    ['', 'caisson'],
  ])('is called, when it was started as "%s", %s', (startedAs, name) => {
    expect(programName(startedAs)).toBe(name);
  });

  it('suggests the command that was meant', async () => {
    expect((await caisson(['verfy', 'x.tar'])).err).toContain('Did you mean verify?');
  });

  it.each([[['--json', 'verify', '/nowhere/x.tar']], [['verify', '/nowhere/x.tar', '--json']]])(
    'gives an error as a JSON line and as text, with the exit status of its code: %j',
    async (argv) => {
      const { status, out, err } = await caisson(argv);
      expect(status).toBe(3);
      expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'error', code: 'INPUT_UNREADABLE', status: 3 });
      expect(err).toMatch(/^Error INPUT_UNREADABLE: .*"\/nowhere\/x.tar"/);
      expect(err).not.toContain('at ');
    },
  );

  it.each([
    [['--json', 'verify', '--nonsense'], "unknown option '--nonsense'"],
    [['nonsense', '--json'], "unknown command 'nonsense'"],
  ])('gives a mistake in the command line as a JSON line, too: %j', async (argv, message) => {
    const { status, out, err } = await caisson(argv);
    expect(status).toBe(2);
    expect(JSON.parse(out)).toEqual({ type: 'error', code: 'USAGE', status: 2, message, hint: expect.stringContaining('caisson help') });
    expect(err).toContain(`error: ${message}`);
  });

  it('ends with status 130 when it is interrupted', async () => {
    const stop = new AbortController();
    stop.abort(new Error('received SIGINT'));
    const { status, err } = await caisson(['serve', '/nowhere/x.tar'], { signal: stop.signal });
    expect(status).toBe(130);
    expect(err).toContain('Error INTERRUPTED');
  });
});
