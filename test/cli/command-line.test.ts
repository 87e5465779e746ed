import { describe, expect, it } from 'vitest';
import { runCaisson } from '../support/run-caisson.ts';

describe('a command that is not known', () => {
  it.each([
    ['bulid-bundle', 'build-bundle'],
    ['bulid-bundle --help', 'build-bundle'],
    ['bulid-bundle -h', 'build-bundle'],
    ['--json bulid-bundle --help', 'build-bundle'],
    ['help bulid-bundle', 'build-bundle'],
    ['--help verfy', 'verify'],
    ['node lsit', 'list'],
    ['node lsit --help', 'list'],
    ['node --json lsit --help', 'list'],
    ['help node lsit', 'list'],
    ['node help lsit', 'list'],
    ['certificates renw --help', 'renew'],
    ['bundles prnue', 'prune'],
  ])('is a usage error that names the nearest one, and no help: %s', async (line, nearest) => {
    const { status, out, err } = await runCaisson(line.split(' '));
    expect(status).toBe(2);
    expect(out + err).not.toContain('Usage:');
    expect(err).toMatch(/^error: unknown command '(?:bulid-bundle|verfy|lsit|renw|prnue)'\n/);
    expect(err).toContain(`(Did you mean ${nearest}?)`);
  });

  it('gets no suggestion where none is near', async () => {
    const { status, err } = await runCaisson(['photosynthesis', '--help']);
    expect(status).toBe(2);
    expect(err).toContain("unknown command 'photosynthesis'");
    expect(err).not.toContain('Did you mean');
  });
});

describe('an option that is not known', () => {
  it.each([
    ['verify a.tar --requir-signature', '--require-signature'],
    ['--jsn verify a.tar', '--json'],
    ['node add n1 --iip 10.0.0.1 --role x --instal', '--install'],
    ['install --clusterr c.yaml', '--cluster'],
  ])('is a usage error that names the nearest one: %s', async (line, nearest) => {
    const { status, out, err } = await runCaisson(line.split(' '));
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(`(Did you mean ${nearest}?)`);
  });
});

describe('help', () => {
  it.each([
    ['help node add', 'node add'],
    ['node help add', 'node add'],
    ['help node', 'node'],
    ['help verify', 'verify'],
    ['help', ''],
    ['help help', ''],
    ['--help verify', 'verify'],
    ['--json --help node add', 'node add'],
    ['verify --help extra', 'verify'],
    ['node add --help', 'node add'],
  ])('is that of the command in "%s"', async (line, command) => {
    const { status, out, err } = await runCaisson(line.split(' '));
    expect([status, err]).toEqual([0, '']);
    expect(out).toBe((await runCaisson([...command.split(' ').filter(Boolean), '--help'])).out);
    expect(out).toMatch(new RegExp(`^Usage: ${['caisson', command].filter(Boolean).join(' ')} \\[options\\]`));
  });

  it('comes with status 2 where a command below must follow', async () => {
    const { status, out, err } = await runCaisson(['node']);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(/^Usage: caisson node /);
    expect(err).toContain('Examples:');
  });

  it('stands for a list that is empty by default without brackets', async () => {
    const { out } = await runCaisson(['build-bundle', '--help']);
    expect(out).toContain('(default: none)');
    expect(out).not.toContain('[])');
  });
});
