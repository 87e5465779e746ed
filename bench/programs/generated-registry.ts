// A registry of generated images on 127.0.0.1, in a process of its own so that what it costs is not counted with what is
// measured. Argument: ImageSetOptions as JSON. Prints {"host", "names"} as JSON when it listens.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { digestOf } from '../../src/core/index.ts';
import { generatedBytes } from '../../test/support/generated-bundle.ts';
import { MANIFEST_TYPE, planImages, type ImageSetOptions } from '../support/generated-images.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ImageSetOptions;
const images = await planImages(options);
const byDigest = new Map([...images.manifests.values()].map((manifest) => [digestOf(manifest) as string, manifest]));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  if (path === '/v2/') {
    response.end('{}');
    return;
  }
  const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)$/.exec(path) ?? [];
  const body = kind === 'manifests' ? (byDigest.get(reference) ?? images.manifests.get(name)) : images.configs.get(reference);
  const layer = images.layers.get(reference);
  const size = body?.length ?? (layer === undefined ? undefined : options.layerSize);
  if (size === undefined) {
    response.writeHead(404).end('{"errors":[{"code":"BLOB_UNKNOWN"}]}');
    return;
  }
  response.setHeader('content-length', size);
  response.setHeader('content-type', kind === 'manifests' ? MANIFEST_TYPE : 'application/octet-stream');
  response.setHeader('docker-content-digest', body === undefined ? reference : digestOf(body));
  if (request.method === 'HEAD') response.end();
  else if (body !== undefined) response.end(body);
  else await pipeline(generatedBytes(layer ?? 0, options.layerSize), response);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ host: `127.0.0.1:${port}`, names: images.names }));
});
