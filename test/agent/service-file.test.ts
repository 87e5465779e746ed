import { describe, expect, it } from 'vitest';
import { parseServiceFile } from '../../src/agent/index.ts';
import { InvalidInputError } from '../../src/core/index.ts';

/** A file in the words that are in use on existing clusters. */
const FIELD = `version: '2.1'
services:
- name: hub
  endpoints:
  - name: HUB_ENDPOINTS
    protocol:
    port: 5000
  - name: OLD_ENDPOINTS
    port: "5001"
  - name:
    port: 5002
  health:
    name: hub
    model: HTTP
    address: 127.0.0.1:5000
    max_errors_num: 3
    time_interval: 0
  after:
    - docker
  type: simple
  pre_start: docker rm hub
  start: >-
    docker run --name hub
    --network host
    -i registry/hub:2.6.2
  stop: docker stop hub
  restart_policy: always
  restart_sec: 10
- name: docker
  only_health_check: true
  health: { model: cmd, address: docker info }
  start: none
`;

function problemsOf(text: string): string[] {
  try {
    parseServiceFile(text, 'base.yaml');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.problems.map(({ position, path, reason }) => `${position?.line ?? 0}:${position?.column ?? 0} ${path ?? ''} ${reason}`);
  }
  return [];
}

function service(...lines: string[]): string {
  return ["version: '2.1'", 'services:', '- name: etcd', ...lines.map((line) => `  ${line}`)].join('\n');
}

describe('parseServiceFile', () => {
  it('reads files as they are in use', () => {
    const [hub, docker] = parseServiceFile(FIELD, 'base.yaml');
    expect(hub).toEqual({
      name: 'hub',
      endpoints: [
        { name: 'HUB_ENDPOINTS', protocol: '', port: 5000 },
        { name: 'OLD_ENDPOINTS', protocol: '', port: 5001 },
      ],
      // An interval of zero would be a loop without a pause.
      health: { model: 'http', address: '127.0.0.1:5000', timeInterval: 5, maxErrorsNum: 3, grace: 60, onUnhealthy: 'restart' },
      onlyHealthCheck: false,
      isInitStart: false,
      disable: false,
      after: ['docker'],
      requires: [],
      type: 'simple',
      preStart: 'docker rm hub',
      start: 'docker run --name hub --network host -i registry/hub:2.6.2',
      stop: 'docker stop hub',
      restartPolicy: 'always',
      restartSec: '10',
    });
    expect(docker).toMatchObject({ name: 'docker', onlyHealthCheck: true, endpoints: [] });
  });

  it.each([
    ['an unknown key', service('start: etcd', 'restart: always'), /^4:3|^5:3 services\[0\]\.restart unknown key/],
    ['a service without a command', service('stop: echo'), /services\[0\]\.start is empty/],
    [
      'a probe that names another service',
      service('start: etcd', 'health: { name: ksm, model: tcp, address: "a:1" }'),
      /5:19 services\[0\]\.health\.name is "ksm"/,
    ],
    ['an unknown model', service('start: etcd', 'health: { model: udp, address: "a:1" }'), /health\.model is "udp"/],
    [
      'an address that cannot be probed',
      service('start: etcd', 'health: { model: tcp, address: "127.0.0.1" }'),
      /health\.address "127.0.0.1" is not host:port/,
    ],
    ['a probe without an address', service('start: etcd', 'health: { model: tcp }'), /health\.address is missing/],
    ['a health check only, without one', service('only_health_check: true'), /health is missing/],
    [
      'a status of a probe that has none',
      service('start: etcd', 'health: { model: tcp, address: "127.0.0.1:1", status: 200 }'),
      /health\.status names a status, which only http has/,
    ],
    [
      'a socket of a probe that has none',
      service('start: etcd', 'health: { model: tcp, address: "127.0.0.1:1", socket: /run/etcd.sock }'),
      /health\.socket names a socket, which only http has/,
    ],
    [
      'certificates of a probe without TLS',
      service('start: etcd', 'health: { model: http, address: "127.0.0.1:1", certificates: /etc/etcd }'),
      /health\.certificates names certificates, which only https has/,
    ],
    [
      'a directory of certificates that is not absolute',
      service('start: etcd', 'health: { model: http, address: "https://127.0.0.1:1", certificates: etcd }'),
      /health\.certificates is not an absolute path/,
    ],
    [
      'statuses that are none',
      service('start: etcd', 'health: { model: http, address: "127.0.0.1:1", status: 2xx }'),
      /health\.status "2xx" is not a list of statuses/,
    ],
    ['a unit of a service that the agent makes', service('start: etcd', 'unit: docker'), /unit is for only_health_check/],
    [
      'a reaction that it does not know',
      service('start: etcd', 'health: { model: tcp, address: "127.0.0.1:1", on_unhealthy: kill }'),
      /on_unhealthy/,
    ],
    ['a oneshot that is always restarted', service('start: "true"', 'type: oneshot', 'restart_policy: always'), /restart_policy a oneshot/],
    ['a time span that systemd does not know', service('start: etcd', 'restart_sec: soon'), /restart_sec is not a time span/],
    [
      'a line feed smuggled into After',
      service('start: etcd', 'after: ["docker\\nExecStart=/bin/evil"]'),
      /after\[0\] is not a name of a unit/,
    ],
    [
      'a name that leaves the directory',
      "version: '2.1'\nservices:\n- name: ../../etc/evil\n  start: x",
      /services\[0\]\.name is not a name/,
    ],
    ['control characters in a command', service('start: "a\\u0000b"'), /start holds control characters/],
    [
      'a service twice',
      "version: '2.1'\nservices:\n- { name: a, start: x }\n- { name: a, start: y }",
      /^4:11 services\[1\]\.name service "a" is already defined/,
    ],
    ['another version', "version: '3'\nservices: []", /version/],
  ])('refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(expected)]);
  });

  it('reports every mistake at once', () => {
    expect(problemsOf(service('start: ""', 'restart_policy: sometimes', 'health: { name: x, model: tcp, address: y }'))).toHaveLength(4);
  });
});
