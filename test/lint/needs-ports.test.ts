import { describe, expect, it } from 'vitest';
import { CLEAN, edited, linesOf } from './lint-sample.ts';

const AGENT = 'components/agent/component.yaml';
const FRONT = 'roles/front.yaml';

describe('needs and roles', () => {
  it('are a mistake where no role lists the component that is needed, and a warning for that component', async () => {
    const files = edited('roles/manage.yaml', '[docker, store]', '[docker]');
    expect(await linesOf({ files })).toEqual([
      'warning m/components/store/component.yaml:3:7: name: no role lists "store", so no host runs it (add it to components of a role, or remove it)',
      'error m/components/web/component.yaml:5:17: needs[1]: "web" needs "store", which no role lists, so no cluster can have "web" (add "store" to components of a role, or remove the need)',
    ]);
  });
});

describe('ports', () => {
  it('are a mistake where one role has two components on one port', async () => {
    const files = edited('components/web/component.yaml', 'port: 80 ', 'port: 80, address: 127.0.0.1 }, { port: 2379, address: 127.0.0.1 ');
    expect(await linesOf({ files })).toEqual([
      'error m/components/web/component.yaml:6:43: ports[1]: tcp port 2379 is also that of "agent" (m/components/agent/component.yaml:7) (let one of them listen on another port or address, or keep them apart: the role "front" has both)',
      'warning m/components/web/component.yaml:6:43: ports[1]: tcp port 2379 is also that of "store" (m/components/store/component.yaml:8) (let one of them listen on another port or address, or let unless keep them apart: a host may have the roles "manage" and "front")',
    ]);
  });

  it.each([
    ['another protocol', '{ port: 2379, protocol: udp }'],
    ['another address', '{ port: 2379, address: "${node.address}" }'],
  ])('are no mistake with %s', async (_, port) => {
    const store = (CLEAN['components/store/component.yaml'] ?? '').replace('ports: [{ port: 2379 }]', `ports: [${port}]`);
    const files = { ...edited(AGENT, 'unless: [store]\n', ''), 'components/store/component.yaml': store };
    const lines = await linesOf({ files });
    expect(lines.filter((line) => line.includes(': ports'))).toEqual([]);
  });

  it('are no mistake where the components are never in one cluster', async () => {
    const lines = await linesOf({ files: edited(AGENT, 'unless: [store]\n', 'when: { database: [external] }\n') });
    expect(lines).toEqual([]);
  });

  it('are a warning where two roles on one host bring them', async () => {
    const lines = await linesOf({ files: edited(AGENT, 'unless: [store]\n', '') });
    expect(lines).toEqual([
      'warning m/components/store/component.yaml:8:9: ports[0]: tcp port 2379 is also that of "agent" (m/components/agent/component.yaml:6) (let one of them listen on another port or address, or let unless keep them apart: a host may have the roles "front" and "manage")',
    ]);
  });

  it('may not be that of the agent', async () => {
    expect(await linesOf({ files: edited(AGENT, 'ports: [', 'ports: [{ port: 6100 }, ') })).toEqual([
      'error m/components/agent/component.yaml:7:9: ports[0]: tcp port 6100 is that of the agent, which every host runs (let it listen on another port)',
    ]);
  });
});

describe('roles', () => {
  it('of components that there are not are a mistake of the manifests themselves', async () => {
    await expect(linesOf({ files: edited(FRONT, 'agent, web', 'agnet, web') })).rejects.toThrow(
      'm/roles/front.yaml:5:22: components[1]: there is no component "agnet" (did you mean "agent"?)',
    );
  });
});
