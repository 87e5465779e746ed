import { describe, expect, it } from 'vitest';
import { describeForm, INIT_FLAGS, loadManifests, readByForm } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { problemLinesOf } from '../support/problem-lines.ts';

const PLATFORM = `apiVersion: caisson/v1
kind: Platform
name: p
version: "1"
definitionsDirectory: /etc/p
options:
  - name: storage
    summary: Shared files
    default: none
    choices:
      none: { summary: Nothing }
      nas: { summary: A server, values: { server: { type: host }, path: { type: path } } }
      gfs: { summary: A volume, values: { servers: { type: hosts }, volume: { type: name } } }
`;
const ROLE = 'apiVersion: caisson/v1\nkind: Role\nname: all\nsummary: Runs everything\ncomponents: []\n';

const treeOf = (init: string) => memoryTree({ 'platform.yaml': `${PLATFORM}init: ${init}\n`, 'roles/all.yaml': ROLE });

describe('words of a platform for caisson init', () => {
  it('are read, and are nothing where the platform has none', async () => {
    const { platform } = await loadManifests(
      treeOf("{ roles: [all], flags: { storage_args: { option: storage } }, instead: { vip: 'no' } }"),
    );
    expect(platform.init).toEqual({ roles: ['all'], flags: { storage_args: { option: 'storage' } }, instead: { vip: 'no' } });
    expect((await loadManifests(memoryTree({ 'platform.yaml': PLATFORM }))).platform.init).toBeUndefined();
  });

  it.each([
    ['{ roles: [al] }', 'init.roles[0]: there is no role "al" (did you mean "all"?)'],
    ['{ roles: [all, all] }', 'init.roles[1]: "all" is written twice'],
    ['{ flags: { domain: { option: storage } } }', 'init.flags.domain: caisson init has a flag --domain itself (use another name)'],
    ['{ instead: { iip: no } }', 'init.instead.iip: caisson init has a flag --iip itself (use another name)'],
    ['{ flags: { a: { option: storage } }, instead: { a: no } }', 'init.instead.a: "a" is among the flags, too (keep one)'],
    ['{ flags: { a: { option: storge } } }', 'init.flags.a.option: the platform has no option "storge" (did you mean "storage"?)'],
    ['{ flags: { a: { option: storage, choice: nas } } }', 'init.flags.a: has one of choice and value (write both, or none)'],
    [
      '{ flags: { a: { option: storage, choice: nass, value: server } } }',
      'init.flags.a.choice: the option "storage" has no choice "nass" (did you mean "nas"?)',
    ],
    [
      '{ flags: { a: { option: storage, choice: nas, value: servers } } }',
      'init.flags.a.value: the choice "nas" has no value "servers" (did you mean "server"?)',
    ],
    [
      '{ flags: { a: { option: storage, forms: { nsa: [x] } } } }',
      'init.flags.a.forms.nsa: the option "storage" has no choice "nsa" (did you mean "nas"?)',
    ],
    [
      '{ flags: { a: { option: storage, forms: { nas: ["${server}:${pth}"] } } } }',
      'init.flags.a.forms.nas[0]: the choice "nas" has no value "pth" (did you mean "path"?)',
    ],
    [
      '{ flags: { a: { option: storage, forms: { nas: ["${path} ${path}"] } } } }',
      'init.flags.a.forms.nas[0]: "${path}" is written twice (keep one)',
    ],
    [
      '{ flags: { a: { option: storage, forms: { nas: ["${server}${path}"] } } } }',
      'init.flags.a.forms.nas[0]: has two values with nothing between them (write what stands between them)',
    ],
    ['{ flags: { Storage: { option: storage } } }', 'is not a flag; write it without --'],
    ['{ flags: { a: { option: storage, sets: x } } }', 'init.flags.a.sets: unknown key'],
  ])('are refused: %s', async (init, said) => {
    const lines = await problemLinesOf(loadManifests(treeOf(init), { root: 'm' }));
    expect(lines.join('\n')).toContain(said);
    expect(lines).toHaveLength(1);
  });

  it('have no name that caisson init uses twice', () => {
    expect(new Set(INIT_FLAGS).size).toBe(INIT_FLAGS.length);
  });
});

describe('a form', () => {
  const NAS = '${server}:${path} /grdata nfs ${options} 0 0';
  const GFS = '${servers}:/${volume} /grdata glusterfs backupvolfile-server=${servers} 0 0';

  it.each([
    [NAS, '10.0.0.5:/export /grdata nfs vers=3,nolock 0 0', { server: '10.0.0.5', path: '/export', options: 'vers=3,nolock' }],
    [NAS, '  10.0.0.5:/a:b \t/grdata   nfs rw 0 0 ', { server: '10.0.0.5', path: '/a:b', options: 'rw' }],
    [GFS, 'a:/data /grdata glusterfs backupvolfile-server=b 0 0', { servers: 'a,b', volume: 'data' }],
    ['/grdata nfs rw 0 0', '/grdata nfs rw 0 0', {}],
    ['${a}+(${b})', 'x+(y)', { a: 'x', b: 'y' }],
  ])('%s reads %s', (form, text, read) => {
    expect(readByForm(form, text)).toEqual(read);
  });

  it.each([
    [NAS, ':/export /grdata nfs rw 0 0'],
    [NAS, '10.0.0.5:/export /grdata nfs4 rw 0 0'],
    [NAS, '10.0.0.5:/export /grdata nfs rw 0 0 0'],
    ['a.b', 'axb'],
    ['a ${a}', 'a'],
    ['${a} b', 'a b c'],
    ['${a}', 'a b'],
    ['${a}-${b}-${c}-${d}!', '-'.repeat(5000)],
  ])('%s does not fit %s', (form, text) => {
    expect(readByForm(form, text)).toBeUndefined();
  });

  it('is shown in words', () => {
    expect(describeForm(NAS)).toBe('SERVER:PATH /grdata nfs OPTIONS 0 0');
  });
});
