import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { hexOf } from '../../src/core/index.ts';
import type { SampleDocument } from './sample-image.ts';

const run = promisify(execFile);

/** One line of the registry's log. */
export interface LoggedRequest {
  readonly method: string;
  /** Path with query. */
  readonly uri: string;
  readonly status: number;
}

export interface DockerRegistry {
  /** Requests that the registry has answered so far. */
  readonly requests: readonly LoggedRequest[];
  /** 127.0.0.1:port */
  readonly host: string;
  /** Copies a sample into the registry with skopeo: 'team/app:1'. */
  push(name: string, document: SampleDocument): Promise<void>;
  stop(): Promise<void>;
}

export interface DockerRegistryOptions {
  /** Speaks https with this certificate (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Requires a login of this user by Basic authentication. The hash is bcrypt, as htpasswd writes it. */
  readonly user?: { readonly name: string; readonly password: string; readonly hash: string };
}

/** Starts the registry of the Debian package docker-registry on a free port of 127.0.0.1, with storage of its own. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-registry-'));
  const { user, tls } = options;
  if (tls !== undefined) {
    await writeFile(join(directory, 'tls.crt'), tls.cert);
    await writeFile(join(directory, 'tls.key'), tls.key, { mode: 0o600 });
  }
  if (user !== undefined) await writeFile(join(directory, 'htpasswd'), `${user.name}:${user.hash}\n`);
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'storage') } },
    http: {
      addr: '127.0.0.1:0',
      ...(tls === undefined ? {} : { tls: { certificate: join(directory, 'tls.crt'), key: join(directory, 'tls.key') } }),
    },
    ...(user === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } }),
  };
  // Every JSON text is valid YAML.
  await writeFile(join(directory, 'config.yml'), JSON.stringify(config));

  const registry = spawn('docker-registry', ['serve', join(directory, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    registry.once('close', () => resolve());
  });
  const requests: LoggedRequest[] = [];
  const host = await new Promise<string>((resolve, reject) => {
    registry.once('error', () => reject(new Error('docker-registry does not start: install the Debian package docker-registry')));
    registry.once('exit', (code) => reject(new Error(`docker-registry ended with status ${code}`)));
    createInterface(registry.stderr).on('line', (line) => {
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
      const answer =
        /msg="response completed[^"]*".* http\.request\.method=(\w+) .*http\.request\.uri="?([^" ]+)"? .*http\.response\.status=(\d+)/.exec(
          line,
        );
      if (answer !== null) requests.push({ method: answer[1] ?? '', uri: answer[2] ?? '', status: Number(answer[3]) });
    });
  });

  return {
    host,
    requests,
    push: async (name, document) => {
      const layout = join(directory, 'layout');
      await writeLayout(layout, document);
      const login = user === undefined ? [] : ['--dest-creds', `${user.name}:${user.password}`];
      const flags = ['copy', '--insecure-policy', '--all', '--preserve-digests', '--dest-tls-verify=false', ...login];
      try {
        await run('skopeo', [...flags, `oci:${layout}`, `docker://${host}/${name}`]);
      } finally {
        await rm(layout, { recursive: true, force: true });
      }
    },
    stop: async () => {
      registry.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An OCI image layout directory with one document. */
async function writeLayout(directory: string, document: SampleDocument): Promise<void> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [document.descriptor] }));
  for (const [digest, bytes] of [...document.blobs, [document.descriptor.digest, document.bytes] as const]) {
    await writeFile(join(directory, 'blobs', 'sha256', hexOf(digest)), bytes);
  }
}
