import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost, shellScript, type Host } from '../../src/host/index.ts';
import { measureWrites, SYNCED_WRITES_SCRIPT } from '../../src/preflight/writes.ts';
import { fakeHost } from '../support/fake-host.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const signal = new AbortController().signal;
const wanted = (place: string) => [{ component: 'store', directory: place, milliseconds: 10 }];

describe('measureWrites', () => {
  it('times writes on the disk of a directory that is not there yet, and leaves nothing', async () => {
    const measured = await measureWrites(openLocalHost({ name: 'here' }), wanted(join(directory(), 'not/yet')), signal);
    expect(measured).toEqual([{ ...wanted(join(directory(), 'not/yet'))[0], took: expect.any(Number) }]);
    expect(measured[0]?.took).toBeGreaterThan(0);
    expect(await readdir(directory())).toEqual([]);
  });

  it('leaves nothing where the writes fail, and says so', async () => {
    await writeFile(join(directory(), 'dd'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const host = openLocalHost({ name: 'here' });
    const shadowed: Host = {
      name: host.name,
      address: host.address,
      local: true,
      run: (command, options) => host.run({ ...command, env: { PATH: `${directory()}:${process.env['PATH'] ?? ''}` } }, options),
      upload: (source, path, options) => host.upload(source, path, options),
      close: () => host.close(),
    };
    await expect(measureWrites(shadowed, wanted(directory()), signal)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(await readdir(directory())).toEqual(['dd']);
  });

  it('refuses an answer that is no time', async () => {
    const host = fakeHost({
      name: 'here',
      replies: [{ argv: shellScript(SYNCED_WRITES_SCRIPT, ['/data']), answer: { stdout: '%s%N\n' } }],
    });
    await expect(measureWrites(host, wanted('/data'), signal)).rejects.toMatchObject({ code: 'HOST_FACTS_INVALID' });
  });
});
