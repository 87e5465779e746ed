import { describe, expect, it } from 'vitest';
import { authFilesOf } from '../../src/registry/auth-files.ts';

describe('authFilesOf', () => {
  it.each([
    [
      { HOME: '/home/u' },
      ['/run/containers/1000/auth.json', '/home/u/.config/containers/auth.json', '/home/u/.docker/config.json'],
      undefined,
    ],
    [
      { HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/1000', XDG_CONFIG_HOME: '/etc/u' },
      ['/run/user/1000/containers/auth.json', '/etc/u/containers/auth.json', '/home/u/.docker/config.json'],
      undefined,
    ],
    [{ HOME: '/home/u', DOCKER_CONFIG: '/d' }, ['/d/config.json'], 'DOCKER_CONFIG'],
    [{ HOME: '/home/u', DOCKER_CONFIG: '/d', REGISTRY_AUTH_FILE: '/a.json' }, ['/a.json'], 'REGISTRY_AUTH_FILE'],
    [
      { HOME: '/home/u', DOCKER_CONFIG: '', REGISTRY_AUTH_FILE: '', XDG_RUNTIME_DIR: '', XDG_CONFIG_HOME: '' },
      ['/run/containers/1000/auth.json', '/home/u/.config/containers/auth.json', '/home/u/.docker/config.json'],
      undefined,
    ],
    [{}, [], undefined],
  ])('gives for %j the files %j', (env, files, variable) => {
    expect(authFilesOf(env, 1000)).toMatchObject({ files, ...(variable === undefined ? {} : { variable }) });
  });
});
