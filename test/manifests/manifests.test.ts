import { describe, expect, it } from 'vitest';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { SAMPLE } from './sample-manifests.ts';
import { problemLinesOf } from '../support/problem-lines.ts';

async function linesOf(changes: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const files = Object.fromEntries(
    Object.entries({ ...SAMPLE, ...changes }).flatMap(([path, text]): [string, string][] => (text === undefined ? [] : [[path, text]])),
  );
  return problemLinesOf(loadManifests(memoryTree(files), { root: 'm' }));
}

function edit(path: string, from: string, to: string): Readonly<Record<string, string>> {
  const text = SAMPLE[path] ?? '';
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  return { [path]: text.replace(from, () => to) };
}

describe('loadManifests', () => {
  it('reads platform, roles, components with their templates, and operating systems', async () => {
    const manifests = await loadManifests(memoryTree(SAMPLE));
    expect([...manifests.roles.keys()].sort()).toEqual(['compute', 'manage']);
    expect([...manifests.components.keys()].sort()).toEqual(['docker', 'store', 'store-proxy', 'web']);
    expect(manifests.roles.get('manage')?.requires).toEqual({ cpus: 2, memory: 4e9, disk: 40e9 });
    expect(manifests.components.get('store')?.templateText('store.conf')).toContain('password=');
    expect(manifests.operatingSystems.map((system) => (system.packages === 'apt' ? system.codename : undefined))).toEqual(['bookworm']);
  });

  it('accepts a tree that has no components, roles and operating systems yet', async () => {
    const platform = 'apiVersion: caisson/v1\nkind: Platform\nname: p\nversion: "1"\ndefinitionsDirectory: /etc/p\n';
    const manifests = await loadManifests(memoryTree({ 'platform.yaml': platform }));
    expect(manifests.components.size + manifests.roles.size + manifests.operatingSystems.length).toBe(0);
  });

  it('reports the mistakes of all files together, by file and position', async () => {
    const lines = await linesOf({
      ...edit('roles/compute.yaml', 'store-proxy', 'store-prox'),
      ...edit('components/web/component.yaml', 'placement: one', 'placement: onne'),
      ...edit('platform.yaml', 'entry: web', 'entry: wep'),
    });
    expect(lines).toEqual([
      'm/components/web/component.yaml:5:12: placement: is "onne", want one of "every", "one", "quorum" (did you mean "one"?)',
      'm/platform.yaml:7:63: registry.entry: there is no component "wep" (did you mean "web"?)',
      'm/roles/compute.yaml:5:22: components[1]: there is no component "store-prox" (did you mean "store-proxy"?)',
    ]);
  });

  it.each([
    ['no platform', { 'platform.yaml': undefined }, ['m/platform.yaml: is missing (every platform needs one)']],
    [
      'a login of the registry by a secret that it does not have',
      edit('platform.yaml', 'entry: web', 'entry: web, login: { user: writer, secret: stroe }'),
      ['m/platform.yaml:7:99: registry.login.secret: there is no secret of "store" "stroe" (known: store-root)'],
    ],
    [
      'an unknown need',
      edit('components/web/component.yaml', 'needs: [store]', 'needs: [stroe]'),
      ['m/components/web/component.yaml:6:9: needs[0]: there is no component "stroe" (did you mean "store"?)'],
    ],
    [
      'an alert whose name, duration, condition and summary are none',
      edit(
        'components/web/component.yaml',
        'needs:',
        'alerts: [{ name: down, for: soon, expr: "a\\nb", severity: bad, summary: \' x\' }]\nneeds:',
      ),
      [
        'm/components/web/component.yaml:6:18: alerts[0].name: is not a name of an alert (write it as StoreWithoutMajority)',
        'm/components/web/component.yaml:6:29: alerts[0].for: is not a duration (write it as 5m)',
        'm/components/web/component.yaml:6:41: alerts[0].expr: is not one line without spaces around it',
        'm/components/web/component.yaml:6:59: alerts[0].severity: is "bad", want one of "warning", "critical"',
        'm/components/web/component.yaml:6:73: alerts[0].summary: begins with a space',
      ],
    ],
    [
      'an alert of a name that another component has',
      {
        ...edit('components/web/component.yaml', 'needs:', 'alerts: [{ name: Down, expr: up == 0, summary: It is down }]\nneeds:'),
        ...edit('components/store/component.yaml', 'needs:', 'alerts: [{ name: Down, expr: up == 0, summary: It is down }]\nneeds:'),
      },
      ['m/components/web/component.yaml:6:18: alerts[0].name: m/components/store/component.yaml has an alert "Down" too'],
    ],
    [
      'an alert that names a host, a value, a secret or a component that there is not',
      edit(
        'components/store/component.yaml',
        'needs:',
        "alerts: [{ name: Down, expr: '${node.name} ${value.members} ${secret.store-root} ${first.nope.name}', summary: '${component.index}' }]\nneeds:",
      ),
      [
        'm/components/store/component.yaml:5:30: alerts[0].expr: there is no "${node.name}"',
        'm/components/store/component.yaml:5:30: alerts[0].expr: there is no "${value.members}"',
        'm/components/store/component.yaml:5:30: alerts[0].expr: there is no "${secret.store-root}"',
        'm/components/store/component.yaml:5:30: alerts[0].expr: there is no "${first.nope.name}" (did you mean "first.store.name"?)',
        'm/components/store/component.yaml:5:112: alerts[0].summary: there is no "${component.index}" (did you mean "component.name"?)',
      ],
    ],
    [
      'a list over hosts and alerts at once, over neither, and one of alerts that is kept',
      edit(
        'components/store/component.yaml',
        'values:\n',
        'values:\n  both: { each: store, of: alerts, as: x }\n  neither: { as: x }\n  kept: { of: alerts, as: x, keep: true }\n  other: { of: hosts, as: x }\n  one: { of: alerts, as: x, first: true, when: { size: [small] } }\n',
      ),
      [
        'm/components/store/component.yaml:9:17: values.both.each: is not the only one (give either each or of)',
        'm/components/store/component.yaml:10:12: values.neither.each: is not the only one (give either each or of)',
        'm/components/store/component.yaml:11:36: values.kept.keep: is for each alone (remove it)',
        'm/components/store/component.yaml:12:16: values.other.of: is "hosts", want "alerts"',
        'm/components/store/component.yaml:13:36: values.one.first: is for each alone (remove it)',
        'm/components/store/component.yaml:13:48: values.one.when: is for each alone (remove it)',
      ],
    ],
    [
      'names of hosts in a list over alerts, and of alerts in one over hosts',
      edit(
        'components/store/component.yaml',
        'values:\n',
        'values:\n  a: { of: alerts, as: "${each.name} ${alert.name}" }\n  b: { each: store, as: "${alert.name}" }\n',
      ),
      [
        'm/components/store/component.yaml:9:24: values.a.as: there is no "${each.name}"',
        'm/components/store/component.yaml:10:25: values.b.as: there is no "${alert.name}"',
      ],
    ],
    [
      'a missing template',
      { 'components/store/store.conf': undefined },
      ['m/components/store/component.yaml:10:67: files[0].template: there is no file "store.conf" beside this document'],
    ],
    [
      'an unknown package set',
      edit('components/docker/component.yaml', '[docker]', '[dokcer]'),
      ['m/components/docker/component.yaml:5:15: packageSets[0]: m/os/debian-12.yaml has no package set "dokcer" (did you mean "docker"?)'],
    ],
    [
      'a keyring that is not there',
      { 'os/keys/debian.gpg': undefined },
      ['m/os/debian-12.yaml:8:74: repositories[0].signedBy: there is no file "keys/debian.gpg" beside this document'],
    ],
    [
      'a package format that there is not',
      edit('os/debian-12.yaml', 'packages: apt', 'packages: apk'),
      ['m/os/debian-12.yaml:5:11: packages: is "apk", want one of "apt", "rpm" (did you mean "apt"?)'],
    ],
    [
      'no package format',
      edit('os/debian-12.yaml', 'packages: apt\n', ''),
      ['m/os/debian-12.yaml:1:1: packages: is missing, want one of "apt", "rpm"'],
    ],
    [
      'an unknown key of a package format',
      edit('os/debian-12.yaml', 'codename: bookworm', 'codename: bookworm\nreleasever: 9'),
      [
        'm/os/debian-12.yaml:7:1: releasever: unknown key (known: apiVersion, kind, id, version, packages, codename, repositories, exclude, base, packageSets)',
      ],
    ],
    [
      'a name that is not the file’s',
      edit('roles/compute.yaml', 'name: compute', 'name: worker'),
      ['m/roles/compute.yaml:3:7: name: is "worker", but the file says "compute" (use the same name for both)'],
    ],
    [
      'a component without its document',
      { 'components/empty/readme.txt': 'x' },
      ['m/components/empty/component.yaml: is missing (remove components/empty/ or write it)'],
    ],
    [
      'a template that leaves its directory',
      edit('components/store/component.yaml', 'template: store.conf', 'template: ../docker/component.yaml'),
      [
        'm/components/store/component.yaml:10:67: files[0].template: is not a path of a file beside this document (use letters, digits, . _ - and /)',
      ],
    ],
    [
      'a service of two components',
      edit('components/web/component.yaml', 'name: web\n    container', 'name: store\n    container'),
      ['m/components/web/component.yaml:8:11: services[0].name: m/components/store/component.yaml has a service "store" too'],
    ],
    [
      'a service that is nothing',
      edit('components/docker/component.yaml', ', unit: docker.service, health: { model: cmd, address: docker info }', ''),
      ['m/components/docker/component.yaml:7:5: services[0].health: is missing (without a container or a process there must be a probe)'],
    ],
  ])('names %s', async (_what, changes, lines) => {
    expect(await linesOf(changes)).toEqual(lines);
  });

  it('names a template that is not UTF-8 text', async () => {
    const tree = memoryTree({ ...SAMPLE, 'components/store/store.conf': Uint8Array.of(0x61, 0xff) });
    await expect(loadManifests(tree)).rejects.toThrow(/manifests\/components\/store\/store.conf: is not UTF-8 text \(save it as UTF-8\)$/);
  });

  it('names a circle of needs once', async () => {
    expect(await linesOf(edit('components/store/component.yaml', 'needs: [docker]', 'needs: [docker, web]'))).toEqual([
      'm/components/store/component.yaml:5:17: needs[1]: goes in a circle: "store" needs "web" needs "store" (remove one of the needs)',
    ]);
  });

  it('does not blame the users of a component whose own document is wrong', async () => {
    expect(await linesOf(edit('components/store/component.yaml', 'kind: Component', 'kind: Componen'))).toEqual([
      'm/components/store/component.yaml:2:7: kind: is "Componen", want "Component" (did you mean "Component"?)',
    ]);
  });
});

describe('placeholders in manifests', () => {
  it('are checked in documents and templates, with the name that was meant', async () => {
    const lines = await linesOf({
      'components/store/store.conf': 'a\nb=${nod.name}\n${var.rot} ${secret.nothing}\n${open\n',
      ...edit('components/web/component.yaml', 'http://127.0.0.1/', 'http://${first.stor.address}/'),
      ...edit('platform.yaml', '"${var.conf}"', '"${var.cnf}"'),
    });
    expect(lines).toEqual([
      'm/components/store/store.conf:2:3: there is no "${nod.name}" (did you mean "node.name"?)',
      'm/components/store/store.conf:3:1: there is no "${var.rot}" (did you mean "var.root"?)',
      'm/components/store/store.conf:3:12: there is no "${secret.nothing}"',
      'm/components/store/store.conf:4:1: "${" is not closed on its line (write $${ for a literal ${)',
      'm/components/web/component.yaml:10:37: services[0].health.address: there is no "${first.stor.address}" (did you mean "first.store.address"?)',
      'm/platform.yaml:6:23: definitionsDirectory: there is no "${var.cnf}" (did you mean "var.conf"?)',
    ]);
  });

  it('keep secrets out of service definitions', async () => {
    const changes = edit('components/store/component.yaml', '--members=${value.members}', '--password=${secret.store-root}');
    expect((await linesOf(changes))[0]).toContain(
      '"${secret.store-root}" stands outside a template file (put the secret into a file and mount it)',
    );
  });

  it('let a variable use only those above it', async () => {
    const changes = edit('platform.yaml', 'root: /opt/sample, conf: "${var.root}/conf"', 'conf: "${var.root}/conf", root: /opt/sample');
    expect((await linesOf(changes))[0]).toMatch(/^m\/platform.yaml:5:20: variables.conf: there is no "\$\{var.root\}"/);
  });
});
