import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import type { ComponentContainer } from '../../src/manifests/index.ts';
import { fixedContent } from '../../src/resources/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';

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

describe('containers of docker', () => {
  it('ask no registry, stay in the foreground, and have a label of their files', () => {
    expect(dockerEngine.run('a', PLAIN, FILES).join(' ')).toBe(
      `docker run --interactive --name a --network host --pull never --label caisson.files=${FILES} --stop-timeout 30 registry.example/a:1`,
    );
  });

  it('get everything that a manifest can say, options before the image and arguments behind it', () => {
    const argv = dockerEngine.run(
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

  it('of actions run once and leave nothing behind', () => {
    expect(dockerEngine.runOnce('a', PLAIN).join(' ')).toBe(
      'docker run --rm --interactive --name a --network host --pull never registry.example/a:1',
    );
  });

  it('are removed, stopped and told by their name, with the time that they may take', () => {
    expect(dockerEngine.removeContainer('a')).toEqual(['docker', 'rm', '--force', 'a']);
    expect(dockerEngine.stop('a', { ...PLAIN, stopTimeout: 5 })).toEqual(['docker', 'stop', '--time', '5', 'a']);
    expect(dockerEngine.signal('a', 'HUP')).toEqual(['docker', 'kill', '--signal', 'HUP', 'a']);
  });
});

describe('trust of docker', () => {
  it('is one directory for each registry', () => {
    const files = dockerEngine.trust(['depot:5443', 'registry.example'], fixedContent('authority'));
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/etc/docker/certs.d/depot:5443/ca.crt', 0o644],
      ['/etc/docker/certs.d/registry.example/ca.crt', 0o644],
    ]);
  });
});
