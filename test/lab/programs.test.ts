import { describe, expect, it } from 'vitest';
import { aptMirror } from './prerequisites.ts';
import { run } from './run.ts';
import { ensureProgram, PROGRAMS } from './programs/build.ts';

describe('programs of the lab', () => {
  it.each(PROGRAMS)('%s is a static program', async (name) => {
    const program = await ensureProgram(name, aptMirror(), () => undefined);
    // The loader names no interpreter for a static program.
    const { stdout } = await run(['readelf', '--program-headers', program]);
    expect(stdout).toContain('Program Headers');
    expect(stdout).not.toContain('INTERP');
  });
});
