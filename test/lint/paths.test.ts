import { describe, expect, it } from 'vitest';
import { CLEAN, edited, linesOf } from './lint-sample.ts';

const AGENT = 'components/agent/component.yaml';
const STORE = 'components/store/component.yaml';
const WEB = 'components/web/component.yaml';

/** The agent, which stands beside the web server, with something more. */
function agentWith(line: string): Readonly<Record<string, string>> {
  return edited(AGENT, 'unless: [store]\n', `unless: [store]\n${line}\n`);
}

describe('paths of a host', () => {
  it('are a mistake where two components want different files there', async () => {
    const files = {
      ...agentWith('files: [{ path: "/opt/sample/web.conf", template: agent.conf }]'),
      'components/agent/agent.conf': 'x\n',
    };
    expect(await linesOf({ files })).toEqual([
      'error m/components/web/component.yaml:7:17: files[0].path: file "/opt/sample/web.conf" is also wanted by "agent" (m/components/agent/component.yaml:6), and differently, where each role has hosts of its own (use another path; or let one component have it, and the other need that component)',
    ]);
  });

  it.each([
    ['the same file', '{ path: "${var.root}//web.conf", mode: "0600", template: agent.conf }', []],
    ['another mode', '{ path: "${var.root}/web.conf", mode: "0644", template: agent.conf }', ['files[0].path']],
  ])('compare text and mode: %s', async (_, file, places) => {
    const files = { ...agentWith(`files: [${file}]`), 'components/agent/agent.conf': CLEAN['components/web/web.conf'] };
    expect(placesIn(await linesOf({ files }))).toEqual(places);
  });

  it('are a mistake where certificates of one component replace each other, and not for the authority that they share', async () => {
    const certificate = '{ name: tls, directory: "${var.root}/ssl", hosts: ["${node.name}"] }';
    const both = (more: string) =>
      edited(STORE, certificate, `${certificate}, { name: other, directory: "\${var.root}/ssl", hosts: [x]${more} }`);
    const lines = await linesOf({ files: both('') });
    expect(placesIn(lines)).toEqual(['certificates[1]', 'certificates[1]']);
    expect(lines[0]).toContain('"/opt/sample/ssl/tls.crt" is also wanted by the component itself (m/components/store/component.yaml:11)');
    expect(lines[1]).toContain('"/opt/sample/ssl/tls.key" is also wanted by the component itself');
    expect(await linesOf({ files: both(', files: { certificate: other.crt, key: other.key }') })).toEqual([]);
    expect(placesIn(await linesOf({ files: both(', owner: "mysql:mysql", files: { certificate: other.crt, key: other.key }') }))).toEqual([
      'certificates[1]',
    ]);
  });

  it.each([
    ['a directory where a file is', 'directories: [{ path: "${var.root}/web.conf" }]', WEB, ['files[0].path']],
    ['a mount where a file is', 'mounts: [{ path: "${var.root}/web.conf", what: "server:/x", type: nfs }]', WEB, ['files[0].path']],
  ])('are a mistake with %s', async (_, line, __, places) => {
    expect(placesIn(await linesOf({ files: agentWith(line) }))).toEqual(places);
  });

  it.each([
    ['the same directory', '{ path: /data, mode: "0700" }', []],
    ['a directory with another mode', '{ path: /data }', ['directories[0].path']],
  ])('are compared for directories: %s', async (_, directory, places) => {
    const files = {
      ...agentWith('directories: [{ path: /data, mode: "0700" }]'),
      ...edited(WEB, 'ports:', `directories: [${directory}]\nports:`),
    };
    expect(placesIn(await linesOf({ files }))).toEqual(places);
  });

  it.each([
    ['the same file system', 'server:/x', []],
    ['another file system', 'server:/y', ['mounts[0].path']],
  ])('are compared for mounts, which may be on a directory: %s', async (_, what, places) => {
    const files = {
      ...agentWith('directories: [{ path: /data }]\nmounts: [{ path: /data, what: "server:/x", type: nfs }]'),
      ...edited(WEB, 'ports:', `mounts: [{ path: /data, what: "${what}", type: nfs }]\nports:`),
    };
    expect(placesIn(await linesOf({ files }))).toEqual(places);
  });

  it('are no mistake where the components are never on one host', async () => {
    const files = {
      ...agentWith('files: [{ path: "/opt/sample/store.conf", template: agent.conf }]'),
      'components/agent/agent.conf': 'x\n',
    };
    expect(await linesOf({ files })).toEqual([]);
  });
});

function placesIn(lines: readonly string[]): readonly string[] {
  return lines.map((line) => /^error \S+ (\S+): /.exec(line)?.[1] ?? line);
}
