import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { repositoryRoot, runDirectory } from './state.ts';
import { PROGRAMS } from './programs/build.ts';
import { fetchGo } from './programs/go.ts';
import { areStatic } from './programs/static.ts';

describe('programs of the lab', () => {
  it('are built by a Go that is fetched where the machine has none', async () => {
    const go = join(await fetchGo(() => undefined), 'go');
    expect((await run([go, 'version'], { env: { GOTOOLCHAIN: 'local' } })).stdout).toContain('go1.26.6');
    const directory = runDirectory('go');
    try {
      const output = join(directory, 'pause');
      const env = { GOTOOLCHAIN: 'local', GOCACHE: join(directory, 'cache'), CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };
      await run([go, 'build', '-o', output, '.'], { cwd: join(repositoryRoot(), 'test/lab/programs/pause'), env });
      expect(existsSync(output)).toBe(true);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  areStatic(PROGRAMS);
});
