import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/core/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';
import type { MemoryBlobStore } from './memory-store.ts';

const OCI = 'application/vnd.oci.image';

/** Puts a small one-layer OCI image that any loader accepts into a store; `content` is one file of its layer. */
export function putImage(
  blobs: MemoryBlobStore,
  content: Uint8Array | string,
): { manifest: Descriptor; config: Descriptor; layer: Descriptor } {
  const tar = tarOf('content', Buffer.from(content));
  const layer = describe(blobs, gzipSync(tar), `${OCI}.layer.v1.tar+gzip`);
  const config = describe(
    blobs,
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['/content'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created_by: 'test' }],
    }),
    `${OCI}.config.v1+json`,
  );
  const manifest = describe(
    blobs,
    JSON.stringify({ schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: [layer] }),
    `${OCI}.manifest.v1+json`,
  );
  return { manifest, config, layer };
}

/** Puts an index over manifests. */
export function putIndex(blobs: MemoryBlobStore, manifests: readonly Descriptor[]): Descriptor {
  const entries = manifests.map((manifest) => ({ ...manifest, platform: { os: 'linux', architecture: 'amd64' } }));
  return describe(
    blobs,
    JSON.stringify({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: entries }),
    `${OCI}.index.v1+json`,
  );
}

function describe(blobs: MemoryBlobStore, bytes: Uint8Array | string, mediaType: string): Descriptor {
  return { mediaType, digest: blobs.put(bytes), size: Buffer.byteLength(bytes) };
}

/** A tar of one file, written by hand: ustar header, data, two zero blocks. */
function tarOf(name: string, data: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000755\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${data.byteLength.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.byteLength % 512)) % 512), Buffer.alloc(1024)]);
}
