import { describe, expect, it } from 'vitest';
import type { ComponentContainer } from '../../src/manifests/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { removeContainer, runContainer, stopContainer } from '../../src/install/container-command.ts';

const FILES = digestOf('files');
const PLAIN: ComponentContainer = {
  image: 'registry.example/a:1',
  arguments: [],
  environment: {},
  mounts: [],
  privileged: false,
  capabilities: [],
  network: 'host',
  stopTimeout: 30,
};

describe('runContainer', () => {
  it('asks no registry, stays in the foreground, and has a label of its files', () => {
    expect(runContainer('a', PLAIN, FILES).join(' ')).toBe(
      `docker run --interactive --name a --network host --pull never --label caisson.files=${FILES} --stop-timeout 30 registry.example/a:1`,
    );
  });

  it('gives everything that a manifest can say, options before the image and arguments behind it', () => {
    const argv = runContainer(
      'a',
      {
        ...PLAIN,
        entrypoint: '/bin/start',
        arguments: ['--flag', 'a b'],
        environment: { B: '2', A: '1=1' },
        mounts: ['/x:/y:ro'],
        user: '1001:0',
        workingDirectory: '/work',
        privileged: true,
        capabilities: ['NET_ADMIN', 'SYS_TIME'],
        network: 'none',
      },
      FILES,
    );
    const image = argv.indexOf('registry.example/a:1');
    expect(argv.slice(image + 1)).toEqual(['--flag', 'a b']);
    expect(argv.slice(11, image).join(' ')).toBe(
      '--stop-timeout 30 --privileged --cap-add NET_ADMIN --cap-add SYS_TIME --user 1001:0 --workdir /work --entrypoint /bin/start' +
        ' --volume /x:/y:ro --env B=2 --env A=1=1',
    );
  });

  it('is removed and stopped by its name, with the time that it may take', () => {
    expect(removeContainer('a')).toEqual(['docker', 'rm', '--force', 'a']);
    expect(stopContainer('a', { ...PLAIN, stopTimeout: 5 })).toEqual(['docker', 'stop', '--time', '5', 'a']);
  });
});
