import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { NodeAgent, type AgentConfig, type AgentStatus, type ComponentStatus } from '../../src/agent/index.ts';
import { systemClock, type Clock, type Event } from '../../src/core/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { FakeSystemd } from './fake-systemd.ts';

export interface AgentUnderTest {
  readonly systemd: FakeSystemd;
  config: AgentConfig;
  readonly agent: NodeAgent;
  /** Messages of warnings since the start. */
  readonly warnings: readonly string[];
  start: (clock?: Clock, bootId?: string) => void;
  stop: () => Promise<void>;
  define: (file: string, ...services: readonly string[]) => Promise<void>;
  /** The first status of which it is true. */
  until: (isTrue: (status: AgentStatus) => boolean) => Promise<AgentStatus>;
}

/** An agent on a machine whose systemd is in memory; for each test a new one, stopped at its end. */
export function useAgent(): AgentUnderTest {
  const temp = useTempDir();
  let systemd: FakeSystemd;
  let config: AgentConfig;
  let agent: NodeAgent;
  let running: Promise<void> | undefined;
  let abort: AbortController | undefined;
  let warnings: string[];

  beforeEach(async () => {
    for (const name of ['units', 'conf']) await mkdir(join(temp(), name));
    systemd = new FakeSystemd(join(temp(), 'units'));
    warnings = [];
    config = {
      apiVersion: 'caisson/v1',
      kind: 'AgentConfig',
      cluster: 'prod',
      node: { name: 'm1', address: '127.0.0.1', uuid: 'u-1', roles: ['manage'] },
      definitions: join(temp(), 'conf'),
      state: join(temp(), 'state'),
      units: join(temp(), 'units'),
      socket: join(temp(), 'agent.sock'),
      listen: { address: '127.0.0.1', port: 0 },
      tls: { certificate: '/none', key: '/none', authority: '/none' },
      record: join(temp(), 'site.json'),
      needs: {},
      certificates: [],
      directories: [],
      values: {},
    };
  });

  const stop = async (): Promise<void> => {
    abort?.abort();
    await running;
    running = undefined;
  };
  afterEach(stop);

  return {
    get systemd() {
      return systemd;
    },
    get config() {
      return config;
    },
    set config(next) {
      config = next;
    },
    get agent() {
      return agent;
    },
    get warnings() {
      return warnings;
    },
    start: (clock = systemClock, bootId = 'boot-1') => {
      abort = new AbortController();
      const emit = (event: Event): void => {
        if (event.type === 'warning') warnings.push(event.message);
      };
      agent = new NodeAgent({ config, host: systemd.host, clock, version: '1.2.3', bootId, emit });
      running = agent.run(abort.signal);
    },
    stop,
    define: (file, ...services) => writeFile(join(config.definitions, file), `version: '2.1'\nservices: [${services.join(', ')}]\n`),
    until: async (isTrue) => {
      for (let turn = 0; turn < 200; turn += 1) {
        const status = await agent.status();
        if (isTrue(status)) return status;
        await new Promise((resolve) => {
          setTimeout(resolve, 25);
        });
      }
      throw new Error(`never: ${JSON.stringify(await agent.status(), null, 2)}`);
    },
  };
}

export function component(status: AgentStatus, name: string): ComponentStatus | undefined {
  return status.components.find((candidate) => candidate.name === name);
}
