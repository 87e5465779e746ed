import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { anonymous, dockerCredentials, loadDockerCredentials, loginHint, parseDockerConfig } from '../../src/registry/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

function auth(user: string): { auth: string } {
  return { auth: Buffer.from(`${user}:pa:ss`).toString('base64') };
}

function password(username: string): unknown {
  return { type: 'password', username, password: 'pa:ss' };
}

describe('parseDockerConfig', () => {
  const find = parseDockerConfig(
    JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': auth('hub'),
        'https://registry.example.com/v2/': auth('whole'),
        'registry.example.com/team': auth('team'),
        'localhost:5000': { username: 'plain', password: 'pa:ss' },
        'token.example.com': { identitytoken: 'refresh', ...auth('ignored') },
        'damaged.example.com': { auth: 'bm9jb2xvbg==' },
      },
    }),
    'config.json',
  );

  it.each([
    ['docker.io/library/nginx', password('hub')],
    ['registry.example.com/other/app', password('whole')],
    ['registry.example.com/team/app', password('team')],
    ['registry.example.com/teams/app', password('whole')],
    ['localhost:5000/app', password('plain')],
    ['localhost:5001/app', undefined],
    ['example.com/app', undefined],
    ['token.example.com/app', { type: 'identity', token: 'refresh' }],
    ['damaged.example.com/app', undefined],
    ['constructor/app', undefined],
  ])('finds who is logged in for %s', async (repository, credentials) => {
    expect(await find(repository)).toEqual(credentials);
  });

  it('asks the helper of the registry before the store, and the store before the file', async () => {
    const asked: string[] = [];
    const runHelper = async (name: string, server: string): Promise<string> => {
      asked.push(`${name} ${server}`);
      if (server === 'none.example.com') return 'credentials not found in native keychain';
      return JSON.stringify({ Username: server === 'id.example.com' ? '<token>' : 'helped', Secret: 'pa:ss' });
    };
    const config = { auths: { 'none.example.com': auth('file') }, credsStore: 'store', credHelpers: { 'own.example.com': 'own' } };
    const find = parseDockerConfig(JSON.stringify(config), 'config.json', { runHelper });
    expect(await find('own.example.com/a')).toEqual(password('helped'));
    expect(await find('docker.io/library/a')).toEqual(password('helped'));
    expect(await find('id.example.com/a')).toEqual({ type: 'identity', token: 'pa:ss' });
    expect(await find('none.example.com/a')).toEqual(password('file'));
    expect(asked).toEqual(['own own.example.com', 'store https://index.docker.io/v1/', 'store id.example.com', 'store none.example.com']);
  });

  it('says once that it cannot run a helper, and goes on with the file', async () => {
    const events: Event[] = [];
    const config = { auths: { 'a.example.com': auth('file') }, credsStore: 'desktop' };
    const find = parseDockerConfig(JSON.stringify(config), 'config.json', { emit: (event) => events.push(event) });
    expect(await find('a.example.com/x')).toEqual(password('file'));
    expect(await find('b.example.com/x')).toBeUndefined();
    expect(events).toHaveLength(1);
  });

  it('does not show the text of a damaged file', () => {
    expect(() => parseDockerConfig('{"auths": {"x": "c2VjcmV0OnNlY3JldA==', 'config.json')).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.not.stringContaining('c2Vj') }),
    );
  });
});

describe('loadDockerCredentials', () => {
  const directory = useTempDir();

  it('reads $DOCKER_CONFIG before ~/.docker', async () => {
    await mkdir(join(directory(), '.docker'));
    await writeFile(join(directory(), '.docker', 'config.json'), JSON.stringify({ auths: { 'a.example.com': auth('home') } }));
    await writeFile(join(directory(), 'config.json'), JSON.stringify({ auths: { 'a.example.com': auth('env') } }));
    const home = await loadDockerCredentials({ env: { HOME: directory() } });
    const env = dockerCredentials({ env: { HOME: directory(), DOCKER_CONFIG: directory() } });
    expect(await home('a.example.com/x')).toEqual(password('home'));
    expect(await env('a.example.com/x')).toEqual(password('env'));
  });

  it('reads the files of podman and skopeo in their order before that of docker, each for the registries that it has', async () => {
    const write = async (path: string, names: readonly string[]): Promise<string> => {
      const file = join(directory(), path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify({ auths: Object.fromEntries(names.map((name) => [name, auth(path)])) }));
      return file;
    };
    const session = await write('run/containers/auth.json', ['session.example']);
    const user = await write('.config/containers/auth.json', ['session.example', 'user.example']);
    const docker = await write('.docker/config.json', ['session.example', 'user.example', 'docker.example']);
    const named = await write('named.json', ['docker.example']);
    const env = { HOME: directory(), XDG_RUNTIME_DIR: join(directory(), 'run') };
    const found = await loadDockerCredentials({ env });
    expect(await found('session.example/a')).toEqual(password('run/containers/auth.json'));
    expect(await found('user.example/a')).toEqual(password('.config/containers/auth.json'));
    expect(await found('docker.example/a')).toEqual(password('.docker/config.json'));
    expect(await found('none.example/a')).toBeUndefined();
    expect(found.logins).toEqual({ command: 'docker login', files: [session, user, docker] });
    expect(loginHint('x.example', found)).toBe(
      `docker login x.example (the login is read from "${session}", then "${user}", then "${docker}")`,
    );

    const alone = await loadDockerCredentials({ env: { ...env, REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: join(directory(), '.docker') } });
    expect(await alone('docker.example/a')).toEqual(password('named.json'));
    expect(await alone('user.example/a')).toBeUndefined();
    expect(loginHint('x.example', alone)).toBe(`podman login --authfile ${named} x.example (the login is read from "${named}")`);
    const missing = loadDockerCredentials({ env: { REGISTRY_AUTH_FILE: join(directory(), 'none.json') } });
    await expect(missing).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', hint: expect.stringContaining('REGISTRY_AUTH_FILE names it') });
  });

  it('names the file that a login would be read from where there is none yet', async () => {
    const env = { HOME: directory(), XDG_RUNTIME_DIR: directory() };
    expect((await loadDockerCredentials({ env })).logins?.files).toEqual([join(directory(), '.docker/config.json')]);
    expect(loginHint('x.example', await loadDockerCredentials({ env: {} }))).toBe('docker login x.example');
    expect(loginHint('x.example', anonymous)).toBe('docker login x.example');
  });

  it('finds nobody logged in without a file or a home', async () => {
    expect(await (await loadDockerCredentials({ env: { HOME: directory() } }))('a.example.com/x')).toBeUndefined();
    expect(await dockerCredentials({ env: {} })('a.example.com/x')).toBeUndefined();
  });

  it('names a file that it cannot read', async () => {
    await mkdir(join(directory(), 'config.json'));
    await expect(loadDockerCredentials({ env: { DOCKER_CONFIG: directory() } })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
