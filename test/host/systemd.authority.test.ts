import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatUnitFile, type UnitFile } from '../../src/host/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { SAMPLE_UNIT } from './sample-unit.ts';

const directory = useTempDir();

/** What systemd has to say of a unit file; nothing when it is fine. */
async function verdictOn(text: string): Promise<string> {
  const path = join(directory(), 'caisson-test.service');
  await writeFile(path, text);
  const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  if (error !== undefined) throw new Error('systemd-analyze does not run (Debian package systemd)', { cause: error });
  const complaints = stderr.split('\n').filter((line) => line.includes('caisson-test'));
  return status === 0 || complaints.length > 0 ? complaints.join('\n') : stderr;
}

describe('systemd', () => {
  const { requires: _requires, after: _after, wants: _wants, ...rest } = SAMPLE_UNIT;
  const unit: UnitFile = { ...rest, execStartPre: [], execStart: { argv: ['/bin/true', ...SAMPLE_UNIT.execStart.argv.slice(1)] } };

  it('finds nothing wrong with a unit that has every setting', async () => {
    expect(await verdictOn(formatUnitFile(unit))).toBe('');
  });

  it('finds nothing wrong with arguments of every kind', async () => {
    const awkward = ['a b', "'", '"', '\\', '\\n', '$', '$$', '${X}', '%', '%n', '%%', ';', '', '\n', '\t', '\u0001', 'ümlaut', '{', '#'];
    expect(await verdictOn(formatUnitFile({ ...unit, execStart: { argv: ['/bin/true', ...awkward] } }))).toBe('');
  });

  it('would complain about other text, so that the above means something', async () => {
    expect(await verdictOn(formatUnitFile(unit).replace('"two words"', '"two words'))).not.toBe('');
    expect(await verdictOn(formatUnitFile(unit).replace('Restart=always', 'Restart=perhaps'))).not.toBe('');
  });
});
