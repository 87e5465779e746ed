import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { promisify } from 'node:util';
import type { AptSource } from '../../src/ospkg/apt/load-index.ts';
import type { FetchFile } from '../../src/ospkg/index.ts';

const run = promisify(execFile);

/** The keyring that the shipped manifest names. */
export const DEBIAN_KEYRING = new URL('../../manifests/os/keys/debian-archive-keyring.gpg', import.meta.url);

/**
 * The repositories of Debian 12 in the apt configuration of this machine: base URL and suites. Throws with the suites
 * to add when the configuration lacks them.
 */
export async function debianMirror(): Promise<AptSource[]> {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)';
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const targets = stdout.split('\n').map((line) => line.split('|'));
  const suitesOf = new Map<string, string[]>();
  for (const [url = '', suite = '', component] of targets) {
    if (component === 'main' && /^bookworm(?:-updates|-security)?$/.test(suite)) suitesOf.set(url, [...(suitesOf.get(url) ?? []), suite]);
  }
  const keyring = readFileSync(DEBIAN_KEYRING);
  const sources = [...suitesOf].map(([url, suites]) => ({ url, suites: [...new Set(suites)], components: ['main'], keyring }));
  if (!sources.some(({ suites }) => suites.includes('bookworm'))) {
    throw new Error(
      'This test needs a Debian 12 mirror: add suites bookworm, bookworm-updates and bookworm-security to the sources of apt',
    );
  }
  return sources;
}

/** Downloads over plain HTTP, for tests that do not test the product's own client. */
export const fetchFile: FetchFile = async (url, { limit, signal }) =>
  await new Promise((resolve, reject) => {
    const request = get(url, signal === undefined ? {} : { signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        if (response.statusCode === 404) resolve(undefined);
        else reject(new Error(`"${url}" answered ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.byteLength;
        if (size > limit) response.destroy(new Error(`"${url}" is larger than ${limit}`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks)));
    });
    request.on('error', reject);
  });
