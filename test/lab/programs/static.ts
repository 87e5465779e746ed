import { expect, it } from 'vitest';
import { aptMirror } from '../prerequisites.ts';
import { run } from '../run.ts';
import { ensureProgram, type ProgramName } from './build.ts';

/** Tests that programs need nothing of the image that they are put into. */
export function areStatic(programs: readonly ProgramName[]): void {
  it.each(programs)('%s is a static program', async (name) => {
    const program = await ensureProgram(name, aptMirror(), () => undefined);
    // The loader names no interpreter for a static program.
    const { stdout } = await run(['readelf', '--program-headers', program]);
    expect(stdout).toContain('Program Headers');
    expect(stdout).not.toContain('INTERP');
  });
}
