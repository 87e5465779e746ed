import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { blobPath, type BundleEntry } from '../../src/bundle/index.ts';
import { digestOf, type Event } from '../../src/core/index.ts';
import { withPlatformCheck } from '../../src/builder/config-platforms.ts';
import type { OpenOrigin } from '../../src/builder/fill.ts';
import type { LockedImage } from '../../src/builder/lock.ts';
import type { Origin } from '../../src/builder/plan.ts';
import { bytesOf } from '../contract/image-source.ts';

const signal = new AbortController().signal;
const ORIGIN = { kind: 'file', path: 'x' } as unknown as Origin;
const MANIFEST = { mediaType: 'm', digest: digestOf('manifest'), size: 8 };

/** What a bundle gets of a configuration that an index lists for a platform, and the warnings. */
async function passed(text: string, platform: string, offset = 0): Promise<{ readonly got: string; readonly warnings: readonly string[] }> {
  const bytes = Buffer.from(text);
  const config = { mediaType: 'c', digest: digestOf(bytes), size: bytes.length };
  const image = { name: 'registry.example/app:1', manifests: [{ platform, manifest: MANIFEST, config, layers: [] }] };
  const open: OpenOrigin = async (_origin, _entry, from) => Readable.from([bytes.subarray(from)], { objectMode: false });
  const events: Event[] = [];
  const checked = withPlatformCheck(open, { images: [image as unknown as LockedImage] }, (event) => events.push(event));
  const entry = { path: blobPath(config.digest), size: bytes.length } as BundleEntry;
  const got = await bytesOf(await checked(ORIGIN, entry, offset, signal));
  return { got: got.toString(), warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])) };
}

describe('withPlatformCheck', () => {
  const AMD64 = '{"os":"linux","architecture":"amd64"}';

  it('warns of a configuration of another platform than the index says, with both, and passes it on', async () => {
    expect(await passed(AMD64, 'linux/arm64')).toEqual({
      got: AMD64,
      warnings: [
        `The index of "registry.example/app:1" lists ${MANIFEST.digest} for linux/arm64, and the configuration of that image says linux/amd64: hosts of linux/arm64 cannot run it. Ask who publishes it`,
      ],
    });
  });

  it.each([
    [AMD64, 'linux/amd64'],
    ['{"os":"linux","architecture":"arm64"}', 'linux/arm64/v8'],
    ['{"os":"linux","architecture":"arm64","variant":"v8"}', 'linux/arm64'],
    ['not json', 'linux/amd64'],
    ['{}', 'linux/amd64'],
  ])('is silent on %s for %s', async (text, platform) => {
    expect(await passed(text, platform)).toEqual({ got: text, warnings: [] });
  });

  it('passes on the rest of one that was begun in an earlier run', async () => {
    expect(await passed(AMD64, 'linux/arm64', 5)).toEqual({ got: AMD64.slice(5), warnings: [] });
  });
});
