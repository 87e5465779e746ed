import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { BundleWriter, planBundle } from '../../../src/bundle/index.ts';
import { ask } from '../../support/ask.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const bundle = smallBundle();
let volumes: string;

beforeEach(() => {
  volumes = join(directory(), 'volumes');
  mkdirSync(volumes);
});

async function build(volumeSize: number): Promise<readonly string[]> {
  const writer = await BundleWriter.create(planBundle(bundle.input), join(volumes, 'x.tar'), { volumeSize });
  for (const entry of writer.pending()) await writer.fill(entry, Readable.from([bundle.contents.get(entry.path) ?? '']));
  await writer.finish();
  return readdirSync(volumes)
    .filter((name) => !name.endsWith('.sha256'))
    .sort();
}

describe('volumes for the tools of the base system', () => {
  // 17 777 cuts inside blocks, 8192 between them.
  it.each([8192, 17_777])('are joined by cat to the one file that tar reads (%i bytes each)', async (size) => {
    const whole = join(directory(), 'x.tar');
    await writeSmallBundle(whole, bundle);
    await build(size);
    await ask(volumes, 'sh', '-c', 'cat x.tar.* | cmp - ../x.tar && mkdir x && cat x.tar.* | tar -xf - -C x');
    await ask(join(volumes, 'x'), 'sha256sum', '-c', '--quiet', '--strict', 'SHA256SUMS');
    await ask(volumes, 'sh', '-c', 'cat x.tar.0* | cmp - ../x.tar');
  });

  it('are what split makes', async () => {
    await writeSmallBundle(join(directory(), 'x.tar'), bundle);
    const names = await build(17_777);
    await ask(directory(), 'split', '--bytes=17777', '--numeric-suffixes=1', '--suffix-length=3', 'x.tar', 'x.tar.');
    for (const name of names) expect(readFileSync(join(volumes, name)).equals(readFileSync(join(directory(), name)))).toBe(true);
    expect(readdirSync(directory()).filter((name) => /\.\d+$/.test(name))).toEqual(names);
  });

  it.each(['sha256sum', 'busybox sha256sum'])('are checked by %s, each and all', async (tool) => {
    const names = await build(17_777);
    const [, second = ''] = names;
    await ask(volumes, 'sh', '-c', `${tool} -c x.tar-001.sha256 && cat x.tar-*.sha256 | ${tool} -c -`);
    const path = join(volumes, second);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.with(1000, (bytes[1000] ?? 0) ^ 1));
    await ask(volumes, 'sh', '-c', `${tool} -c x.tar-001.sha256`);
    await expect(ask(volumes, 'sh', '-c', `${tool} -c x.tar-002.sha256`)).rejects.toThrow(/did NOT match/);
  });
});
