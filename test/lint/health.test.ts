import { describe, expect, it } from 'vitest';
import { edited, linesOf } from './lint-sample.ts';

const WEB = 'components/web/component.yaml';
const HTTP = 'address: "http://127.0.0.1/"';

/** The only line about the health check of the web server, whose address is this. */
async function lineOf(health: string): Promise<string | undefined> {
  const lines = await linesOf({ files: edited(WEB, `model: http, ${HTTP}`, health) });
  expect(lines.length).toBeLessThan(2);
  return lines[0]?.replace(
    /^(\w+) m\/components\/web\/component.yaml:11:\d+: services\[0\]\.health\.(?:address|status|certificates): /,
    '$1 ',
  );
}

describe('health checks', () => {
  it.each([
    [
      'model: http, address: "tcp://127.0.0.1:80"',
      'error "tcp://127.0.0.1:80" has the scheme tcp, want http or https (write it as http://127.0.0.1:8080/health)',
    ],
    [
      'model: tcp, address: "http://127.0.0.1:80"',
      'error "http://127.0.0.1:80" is not host:port (write it as 127.0.0.1:8080, without a scheme)',
    ],
    [`model: http, ${HTTP}, certificates: /etc/web`, 'error names certificates, which only https has'],
    [`model: http, ${HTTP}, status: good`, 'error "good" is not a list of statuses; write it as 200-299, 401'],
    [
      'model: tcp, address: "${node.urlAddress}:81"',
      'warning no component of the host declares tcp port 81 (add it to ports of "web", so that it is free at the install)',
    ],
    [
      'model: http, address: "https://localhost/"',
      'warning no component of the host declares tcp port 443 (add it to ports of "web", so that it is free at the install)',
    ],
    [
      'model: http, address: "http://stoer.example/"',
      'warning no host of the cluster knows the name "stoer.example" by itself (probe an address such as 127.0.0.1 or ${node.urlAddress}, or give the name to a component in hostNames of platform.yaml)',
    ],
  ])('with %s cannot be probed', async (health, line) => {
    expect(await lineOf(health)).toBe(line);
  });

  it.each([
    'model: tcp, address: "localhost:80"',
    'model: tcp, address: "${node.name}:80"',
    'model: http, address: "http://store.example:9/"',
    'model: tcp, address: "${option.database.host}x:80"',
  ])('with %s are no finding', async (health) => {
    expect(await lineOf(health)).toBeUndefined();
  });

  it('go to the address that the port is declared for', async () => {
    const text = edited(WEB, '{ port: 80 }', '{ port: 80, address: "${node.address}" }');
    expect(await linesOf({ files: text })).toEqual([
      'error m/components/web/component.yaml:11:37: services[0].health.address: goes to "127.0.0.1", and "web" declares tcp port 80 for ${node.address} alone (probe the address of the port, such as ${node.urlAddress}:80, or remove it from the port)',
    ]);
  });
});
