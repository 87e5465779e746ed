import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellScript } from '../../src/host/index.ts';
import { READ_KEYS_SCRIPT, WRITE_KEYS_SCRIPT } from '../../src/resources/login-key.ts';
import { EXAMPLES, KEYS, loginKeyExample, program, USER_NAME, useRealKinds, write } from './real-kinds.ts';

const { root, underTest, describeKind } = useRealKinds();

describeKind('file', EXAMPLES.file);
describeKind('certificate', EXAMPLES.certificate);
describeKind('directory', EXAMPLES.directory);
describeKind('block', EXAMPLES.block);
describeKind('executable', EXAMPLES.executable);
describeKind('link', EXAMPLES.link);
describeKind('login-key', EXAMPLES['login-key']);

describe('a key of the site on a real host', () => {
  it('is for its user alone, in a directory that is for the user alone', async () => {
    const { kind, host, context, wanted } = await underTest(
      'login-key',
      loginKeyExample(async () => {}),
    );
    await kind.ensure(host, [{ ...wanted, replaces: false }], context);
    expect(await readFile(join(root(), KEYS), 'utf8')).toBe('# BEGIN caisson\nssh-ed25519 AAAA caisson sample\n# END caisson\n');
    expect((await stat(join(root(), KEYS))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root(), 'home/.ssh'))).mode & 0o777).toBe(0o700);
  });

  it('shortens no file of keys when the connection ends early, and names a user that is not there', async () => {
    const { host } = await underTest('login-key', loginKeyExample(write(KEYS, 'ssh-ed25519 CCCC of others\n')));
    await write(KEYS, 'ssh-ed25519 CCCC of others\n')(root());
    const result = await host.run({ argv: shellScript(WRITE_KEYS_SCRIPT, [USER_NAME, '100']), input: 'ssh-ed25519' });
    expect(result).toMatchObject({ exitCode: 1, stderr: 'only a part of the keys arrived\n' });
    expect(await readFile(join(root(), KEYS), 'utf8')).toBe('ssh-ed25519 CCCC of others\n');
    await program(root(), 'getent', 'exit 2\n');
    expect(await host.run({ argv: shellScript(READ_KEYS_SCRIPT, ['nobody']) })).toMatchObject({
      exitCode: 1,
      stderr: 'there is no user nobody\n',
    });
  });
});

describe('a link on a real host', () => {
  it.each([
    ['file', write('bin/tool', 'not ours')],
    ['directory', write('bin/tool/file', 'not ours')],
  ])('takes the place of no %s, and removes none', async (_what, foreign) => {
    const [example] = EXAMPLES.link ?? [];
    if (example === undefined) throw new Error('there is no example of a link');
    const under = await underTest('link', example);
    const { kind, host, context, wanted } = under;
    await foreign(root());
    const before = await under.state();
    expect(await kind.look(host, [wanted], context)).toEqual([{ state: 'different', why: 'it is no link' }]);
    await expect(kind.ensure(host, [{ ...wanted, replaces: false }], context)).rejects.toThrow('exists and is no link');
    const details = { target: wanted.spec.target };
    await kind.remove(host, [{ kind: 'link', key: wanted.key, owner: 'tests', details }], context, { purge: true });
    expect(await under.state()).toBe(before);
  });
});
