import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { dockerCredentials, loadDockerCredentials, parseDockerConfig } from '../../src/registry/index.ts';
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

  it('finds nobody logged in without a file or a home', async () => {
    expect(await (await loadDockerCredentials({ env: { HOME: directory() } }))('a.example.com/x')).toBeUndefined();
    expect(await dockerCredentials({ env: {} })('a.example.com/x')).toBeUndefined();
  });

  it('names a file that it cannot read', async () => {
    await mkdir(join(directory(), 'config.json'));
    await expect(loadDockerCredentials({ env: { DOCKER_CONFIG: directory() } })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
