import { beforeAll, describe, expect, it } from 'vitest';
import { hasUnit, parseServiceFile, unitFromDefinition } from '../../src/agent/index.ts';
import { loadManifests, type ComponentManifest, type ComponentService } from '../../src/manifests/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { serviceDocument } from '../../src/plan/wanted/service-document.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { MANIFESTS } from '../support/sample-install.ts';

const OPTIONS = { files: digestOf('files'), engine: dockerEngine };
let component: ComponentManifest;
let service: ComponentService;

beforeAll(async () => {
  const manifests = await loadManifests(memoryTree(MANIFESTS));
  const store = manifests.components.get('store');
  const [first] = store?.services ?? [];
  if (store === undefined || first?.container === undefined) throw new Error('the sample has a store');
  component = store;
  service = {
    ...first,
    container: {
      ...first.container,
      mounts: ['/opt/sample/data:/data:ro'],
      arguments: ['--motto=it\'s "5$" 100%', '', '--path=C:\\x', 'a b'],
      environment: { TZ: 'UTC', JSON: '{"a": [1]}' },
    },
    endpoints: [{ name: 'STORE', protocol: 'https', port: 2379 }],
    restartPolicy: 'on-failure',
    restartSec: 7,
  };
});

describe('serviceDocument', () => {
  it('is what the agent reads', () => {
    const [definition, ...others] = parseServiceFile(serviceDocument(component, [service], OPTIONS), 'store.yaml');
    expect(others).toEqual([]);
    expect(definition).toEqual({
      name: 'store',
      endpoints: [{ name: 'STORE', protocol: 'https', port: 2379 }],
      health: { model: 'tcp', address: '127.0.0.1:2379', timeInterval: 5, maxErrorsNum: 3, grace: 60, onUnhealthy: 'restart' },
      onlyHealthCheck: false,
      isInitStart: false,
      disable: false,
      after: ['docker'],
      requires: [],
      type: 'simple',
      preStart: 'docker rm --force store',
      start: [
        'exec docker run --interactive --name store --network host --pull never',
        `--label 'caisson.files=${OPTIONS.files}' --stop-timeout 30 --volume /opt/sample/data:/data:ro`,
        `--env 'TZ=UTC' --env 'JSON={"a": [1]}' registry.example/store:1`,
        String.raw`'--motto=it'\''s "5$" 100%' '' '--path=C:\x' 'a b'`,
      ].join(' '),
      stop: 'docker stop --time 30 store',
      restartPolicy: 'on-failure',
      restartSec: '7',
    });
  });

  it('becomes a unit that keeps every character of every argument', () => {
    const [definition] = parseServiceFile(serviceDocument(component, [service], OPTIONS), 'store.yaml');
    if (definition === undefined) throw new Error('there is a definition');
    const unit = unitFromDefinition(definition, {});
    expect(unit).toMatch(/^ExecStart=.*5\$\$\\" 100%%/m);
    expect(hasUnit(definition)).toBe(true);
  });

  it('only probes what it does not start', () => {
    const { container: _, ...probed } = service;
    const [definition] = parseServiceFile(serviceDocument(component, [{ ...probed, unit: 'docker' }], OPTIONS), 'store.yaml');
    expect(definition).toMatchObject({ name: 'store', onlyHealthCheck: true, after: [] });
    if (definition !== undefined) expect(hasUnit(definition)).toBe(false);
  });

  it('changes with the digest of the files, so that the unit is restarted', () => {
    const text = (files: string): string => serviceDocument(component, [service], { ...OPTIONS, files: digestOf(files) });
    expect(text('one')).not.toBe(text('two'));
    expect(text('one')).toBe(text('one'));
  });

  it('starts a process of the host with its words, its environment and the files it runs with', () => {
    const { container: _, ...rest } = service;
    const process = {
      command: ['/usr/bin/store', '--motto', 'a b'],
      environment: { TZ: 'UTC' },
      workingDirectory: '/srv',
      keepChildren: false,
    };
    const [definition] = parseServiceFile(serviceDocument(component, [{ ...rest, process }], OPTIONS), 'store.yaml');
    expect(definition?.start).toBe(`exec env '--chdir=/srv' 'TZ=UTC' 'CAISSON_FILES=${OPTIONS.files}' /usr/bin/store --motto 'a b'`);
    expect(definition?.preStart).toBe('');
    expect(definition?.keepChildren).toBeUndefined();
  });

  it('says of a process that its children outlive a stop', () => {
    const { container: _, ...rest } = service;
    const process = { command: ['/usr/bin/store'], environment: {}, keepChildren: true };
    const [definition] = parseServiceFile(serviceDocument(component, [{ ...rest, process }], OPTIONS), 'store.yaml');
    expect(definition?.keepChildren).toBe(true);
  });

  it('says who wrote it, in a line that is no definition', () => {
    expect(serviceDocument(component, [service], OPTIONS)).toMatch(
      /^# Keeps state\. Written by caisson from the manifest of component "store"/,
    );
  });
});
