import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadDockerCredentials } from '../../src/registry/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const directory = useTempDir();

const FILES = ['named.json', 'docker/config.json', 'run/containers/auth.json', 'config/containers/auth.json', '.docker/config.json'];

/** Writes a login of the same registry into each of the files. The user has the name of the file. */
async function writeLogins(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const path = join(directory(), file);
    await mkdir(dirname(path), { recursive: true });
    const auth = Buffer.from(`${file}:secret`).toString('base64');
    await writeFile(path, JSON.stringify({ auths: { 'registry.example': { auth } } }), { mode: 0o600 });
  }
}

describe('the login of a registry', () => {
  it.each([
    ['REGISTRY_AUTH_FILE and DOCKER_CONFIG', FILES, { named: true, docker: true }, 'named.json'],
    ['DOCKER_CONFIG', FILES, { docker: true }, 'docker/config.json'],
    ['all files of the user', FILES.slice(2), {}, 'run/containers/auth.json'],
    ['no file of the session', FILES.slice(3), {}, 'config/containers/auth.json'],
    ['that of docker alone', FILES.slice(4), {}, '.docker/config.json'],
  ] as const)('is the one that skopeo finds, with %s', async (_, files, { named, docker }: { named?: boolean; docker?: boolean }, user) => {
    await writeLogins(files);
    await mkdir(join(directory(), 'run'), { recursive: true });
    const env = {
      HOME: directory(),
      XDG_RUNTIME_DIR: join(directory(), 'run'),
      XDG_CONFIG_HOME: join(directory(), 'config'),
      ...(named === true ? { REGISTRY_AUTH_FILE: join(directory(), 'named.json') } : {}),
      ...(docker === true ? { DOCKER_CONFIG: join(directory(), 'docker') } : {}),
    };
    const found = await (await loadDockerCredentials({ env }))('registry.example/app');
    expect(found).toEqual({ type: 'password', username: user, password: 'secret' });
    const { stdout } = await run('skopeo', ['login', '--get-login', 'registry.example'], { env: { ...env, PATH: process.env['PATH'] } });
    expect(stdout.trim()).toBe(user);
  });
});
