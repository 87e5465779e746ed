import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NOT_APPLIED, STATE_FILE, UNIT_MARK } from '../../src/agent/index.ts';
import { NOTHING_REMEMBERED, writeState } from '../../src/agent/state-file.ts';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { openLocalHost, shellScript } from '../../src/host/index.ts';
import { RETIRE_SCRIPT, UNIT_DIGESTS_SCRIPT } from '../../src/resources/definition.ts';
import { MAKE_USER_SCRIPT } from '../../src/resources/user.ts';
import { AGENT_STATE, UNITS } from '../../src/site/index.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { Installer } from '../support/simulated-machine.ts';
import { EXAMPLES, places, program, treeOf, uid, useRealKinds, USER, write } from './real-kinds.ts';

const { root, emptyRoot, underTest, describeKind } = useRealKinds();

describeKind('definition', EXAMPLES.definition);
describeKind('sysctl', EXAMPLES.sysctl);
describeKind('module', EXAMPLES.module);

describe.skipIf(uid !== 0)('with users of its own', () => {
  describeKind('user', [USER]);

  it('refuses to change the number of a user that is there, and says what to do', async () => {
    const { host } = await underTest('user', USER);
    const result = await host.run({ argv: shellScript(MAKE_USER_SCRIPT, ['daemon', '/', '77']) });
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: 'user daemon has the number 1, want 77; give its files another owner and remove it\n',
    });
  });
});

describe('RETIRE_SCRIPT where no agent answers', () => {
  it.each([
    ['that bear its mark', `${UNIT_MARK}\n[Unit]\n`, {}],
    ['that were changed by hand', 'changed by hand\n', { 'ours.service': 'digest' }],
    ['whose file was removed by hand', undefined, { 'ours.service': 'digest' }],
  ])('stops and removes units of the agent %s, and no others', async (_, text, applied) => {
    await emptyRoot();
    await mkdir(join(root(), 'units'));
    if (text !== undefined) await write('units/ours.service', text)(root());
    await write('units/others.service', '[Unit]\n')(root());
    // Definitions that it remembers may name units, too.
    await write(
      'state/agent/state.json',
      JSON.stringify({ applied, accepted: { x: '{"others.service": 1, "missing.service": 1}' } }, null, 2),
    )(root());
    await program(root(), 'systemctl', `echo "$*" >>${join(root(), 'calls')}\n`);
    const host = relocatedHost(openLocalHost({ name: 'here' }), {
      places: places(root()),
      installer: new Installer(),
      programs: join(root(), 'bin'),
    });
    const result = await host.run({
      argv: shellScript(RETIRE_SCRIPT, [UNITS, join(AGENT_STATE, STATE_FILE), 'ours', 'others', 'missing']),
    });
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await readFile(join(root(), 'calls'), 'utf8')).toBe(
      'disable --now --quiet -- ours.service\ndaemon-reload\nreset-failed -- ours.service\n',
    );
    expect(await treeOf(join(root(), 'units'), '')).toMatch(/^others\.service f/);
  });
});

describe('UNIT_DIGESTS_SCRIPT', () => {
  it('prints the digests in the state file that the agent wrote, and nothing else of it, and those of the units', async () => {
    await emptyRoot();
    const state = join(root(), 'state/agent', STATE_FILE);
    const digest = digestOf('[Unit]\n');
    const accepted = { '/conf/x.yaml': `{"forged.service": "${digest}"}\n` };
    const applied = { 'web.service': digest, 'late.service': NOT_APPLIED };
    await writeState(state, { ...NOTHING_REMEMBERED, owners: { 'web.service': '/conf/x.yaml' }, accepted, applied });
    await mkdir(join(root(), 'units'));
    await write('units/web.service', '[Unit]\n')(root());
    const argv = shellScript(UNIT_DIGESTS_SCRIPT, [join(root(), 'units'), state, 'web', 'missing']);
    const host = openLocalHost({ name: 'here' });
    expect(await host.run({ argv })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `"web.service": "${digest}"\n"late.service": "${NOT_APPLIED}"\n\n${hexOf(digest)}  -\nabsent\n`,
    });
  });

  it('prints no digests of units where there is no state file', async () => {
    await emptyRoot();
    const argv = shellScript(UNIT_DIGESTS_SCRIPT, [join(root(), 'units'), join(root(), 'missing'), 'web']);
    expect(await openLocalHost({ name: 'here' }).run({ argv })).toEqual({ exitCode: 0, stderr: '', stdout: '\nabsent\n' });
  });
});
