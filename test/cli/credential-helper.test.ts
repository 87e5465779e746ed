import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCredentialHelper } from '../../src/cli/credential-helper.ts';
import type { Event } from '../../src/core/index.ts';
import { parseDockerConfig } from '../../src/registry/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const path = process.env['PATH'];

beforeEach(() => {
  process.env['PATH'] = `${directory()}:${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
});

/** Puts docker-credential-NAME on PATH; what it is asked goes into NAME.log. */
async function helper(name: string, script: string): Promise<void> {
  const text = `#!/bin/sh\nread server\necho "$1 $server" >> ${join(directory(), `${name}.log`)}\n${script}\n`;
  await writeFile(join(directory(), `docker-credential-${name}`), text, { mode: 0o755 });
}

async function askedOf(name: string): Promise<string> {
  return readFile(join(directory(), `${name}.log`), 'utf8');
}

function config(value: object, events: Event[] = []) {
  return parseDockerConfig(JSON.stringify(value), 'config.json', { runHelper: runCredentialHelper, emit: (event) => events.push(event) });
}

describe('a credential helper', () => {
  it('of one registry is asked for it, once, by standard input', async () => {
    await helper('own', 'echo \'{"ServerURL":"x","Username":"user","Secret":"pa:ss"}\'');
    const find = config({ credHelpers: { 'registry.example': 'own' }, auths: { 'other.example': { auth: 'dTpw' } } });
    const login = { type: 'password', username: 'user', password: 'pa:ss' };
    expect(await Promise.all([find('registry.example/team/app'), find('registry.example/team/web')])).toEqual([login, login]);
    expect(await find('other.example/app')).toEqual({ type: 'password', username: 'u', password: 'p' });
    expect(await askedOf('own')).toBe('get registry.example\n');
  });

  it('of all registries is asked by the name that docker gives its hub', async () => {
    await helper('store', 'echo \'{"Username":"<token>","Secret":"refresh"}\'');
    expect(await config({ credsStore: 'store' })('docker.io/library/nginx')).toEqual({ type: 'identity', token: 'refresh' });
    expect(await askedOf('store')).toBe('get https://index.docker.io/v1/\n');
  });

  it('that knows nothing of a registry leaves it to the file', async () => {
    await helper('store', 'echo credentials not found in native keychain; exit 1');
    expect(await config({ credsStore: 'store', auths: { 'a.example': { auth: 'dTpw' } } })('a.example/x')).toMatchObject({ username: 'u' });
    expect(await config({ credsStore: 'store' })('a.example/x')).toBeUndefined();
  });

  it('that fails is an error with a command to try, and without what it printed for us', async () => {
    await helper('store', 'echo s3cr3t; echo the keychain is locked >&2; exit 1');
    const error: unknown = await config({ credsStore: 'store' })('a.example/x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'AUTH_FAILED',
      message: 'Cannot ask credential helper "store" for the login at "a.example": it ended with status 1 (the keychain is locked)',
      hint: 'Try it: echo a.example | docker-credential-store get',
    });
    expect(String(error)).not.toContain('s3cr3t');
  });

  it('that prints something else is an error without it', async () => {
    await helper('store', 'echo s3cr3t');
    const error: unknown = await config({ credsStore: 'store' })('a.example/x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('docker-credential-store') });
    expect(String(error)).not.toContain('s3cr3t');
  });

  it('that is not there is said once, and nobody is logged in', async () => {
    const events: Event[] = [];
    const find = config({ credsStore: 'absent' }, events);
    expect(await find('a.example/x')).toBeUndefined();
    expect(await find('b.example/x')).toBeUndefined();
    expect(events).toEqual([expect.objectContaining({ type: 'warning', message: expect.stringContaining('"absent"') })]);
  });

  it('whose name is a path is not run', async () => {
    await expect(config({ credsStore: '../../bin/sh' })('a.example/x')).rejects.toMatchObject({ code: 'AUTH_FAILED' });
  });
});
