import { describe, expect, it } from 'vitest';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { problemLinesOf } from '../support/problem-lines.ts';

const HEAD = 'apiVersion: caisson/v1\nkind: Platform\nname: p\nversion: "1"\ndefinitionsDirectory: /etc/p\n';
const STORAGE = `options:
  - name: storage
    summary: Shared files
    choices:
      none: { summary: Nothing }
      nas:
        summary: A server
        values: { server: { type: host }, port: { type: port, default: 2049 }, password: { type: passwordFile } }
`;
const COMPONENT = `apiVersion: caisson/v1
kind: Component
name: web
summary: Serves pages
files: [{ path: /etc/web.conf, template: web.conf }]
`;

async function linesOf(platform: string, component = '', template = ''): Promise<string[]> {
  const files = {
    'platform.yaml': HEAD + platform,
    'components/web/component.yaml': COMPONENT + component,
    'components/web/web.conf': template,
  };
  const lines = await problemLinesOf(loadManifests(memoryTree(files), { root: 'm' }));
  return lines.map((line) => line.replace(/^m\/(?:components\/web\/)?/, ''));
}

/** The options with one text replaced. */
function edit(from: string, to: string): string {
  if (!STORAGE.includes(from)) throw new Error(`the options have no ${from}`);
  return STORAGE.replace(from, () => to);
}

describe('options of a platform', () => {
  it('are read with their choices and values; nothing is fixed and nothing has a default unless the platform says so', async () => {
    const { platform } = await loadManifests(memoryTree({ 'platform.yaml': HEAD + STORAGE }));
    expect(platform.options).toEqual([
      {
        name: 'storage',
        summary: 'Shared files',
        fixed: false,
        choices: {
          none: { summary: 'Nothing', values: {} },
          nas: {
            summary: 'A server',
            values: { server: { type: 'host' }, port: { type: 'port', default: 2049 }, password: { type: 'passwordFile' } },
          },
        },
      },
    ]);
  });

  it.each([
    [
      'a default that is no choice',
      edit('    choices', '    default: nan\n    choices'),
      '9:14: options[0].default: there is no choice "nan" (did you mean "nas"?)',
    ],
    [
      'a default that needs values',
      edit('    choices', '    default: nas\n    choices'),
      '9:14: options[0].default: the choice "nas" needs a value "server", which has no default (give the value a default, or choose another one)',
    ],
    [
      'no choice at all',
      'options: [{ name: a, summary: b, choices: {} }]\n',
      '6:43: options[0].choices: is empty, want at least one entry',
    ],
    [
      'a name that is written twice',
      `${STORAGE}  - { name: storage, summary: a, choices: { b: { summary: c } } }\n`,
      '14:13: options[1].name: "storage" is written twice',
    ],
    [
      'an unknown type',
      edit('type: host', 'type: hots'),
      '13:35: options[0].choices.nas.values.server.type: is "hots", want one of "line", "host", "hosts", "address", "cidr", "port", "path", "name", "passwordFile" (did you mean "host"?)',
    ],
    [
      'a default of the wrong type',
      edit('default: 2049', 'default: 70000'),
      '13:72: options[0].choices.nas.values.port.default: is out of range, want at most 65535',
    ],
    [
      'listed texts for a number',
      edit('default: 2049', "oneOf: ['1', '2']"),
      '13:70: options[0].choices.nas.values.port.oneOf: is for the types line and name alone (remove it)',
    ],
    [
      'a default for a password file',
      edit('type: passwordFile', 'type: passwordFile, default: ./p'),
      '13:121: options[0].choices.nas.values.password.default: a file of the site has no default (remove it)',
    ],
    [
      'a placeholder in a default',
      edit('type: host', 'type: line, default: "${cluster.name}"'),
      '13:50: options[0].choices.nas.values.server.default: placeholders are not filled in here',
    ],
    [
      'a value named choice',
      edit('server: {', 'choice: {'),
      '13:19: options[0].choices.nas.values.choice: "choice" is the name of the choice itself (use another name)',
    ],
    [
      'one name with two types',
      edit('none: { summary: Nothing }', 'none: { summary: Nothing, values: { server: { type: hosts } } }'),
      '13:35: options[0].choices.nas.values.server.type: the value "server" of the choice "none" is of type "hosts" (use another name)',
    ],
    [
      'one name for two secrets',
      edit(
        'options:\n',
        'options:\n  - { name: s, summary: a, choices: { b: { summary: c, values: { x-y: { type: passwordFile } } } } }\n',
      ) + '  - { name: s-x, summary: a, choices: { b: { summary: c, values: { y: { type: passwordFile } } } } }\n',
      '15:13: options[2].name: the option "s" has a secret "s-x-y" too',
    ],
  ])('refuse %s', async (_what, options, line) => {
    expect(await linesOf(options)).toEqual([`platform.yaml:${line}`]);
  });

  it('are the only ones that `when` may name, with their choices', async () => {
    expect(await linesOf(STORAGE, 'when: { storage: [none, nas] }\n')).toEqual([]);
    expect(await linesOf(STORAGE, 'when: { storge: [none] }\n')).toEqual([
      'component.yaml:6:9: when.storge: the platform has no option "storge" (did you mean "storage"?)',
    ]);
    expect(await linesOf(STORAGE, 'values: { a: { each: web, as: x, when: { storge: [none] } } }\n')).toEqual([
      expect.stringContaining('values.a.when.storge: the platform has no option "storge" (did you mean "storage"?)'),
    ]);
    expect(await linesOf(STORAGE, 'when: { storage: [none, nsa, none] }\n')).toEqual([
      'component.yaml:6:25: when.storage[1]: the option "storage" has no choice "nsa" (did you mean "nas"?)',
      'component.yaml:6:30: when.storage[2]: "none" is written twice',
    ]);
  });

  it('do not blame components when their own document is wrong', async () => {
    expect(await linesOf(edit('summary: Shared', 'sumary: Shared'), 'when: { storage: [none] }\n', '${option.storage.choice}\n')).toEqual(
      [
        'platform.yaml:8:5: options[0].sumary: unknown key (did you mean "summary"?)',
        'platform.yaml:7:5: options[0].summary: is missing, want text',
      ].sort(),
    );
  });

  it('share the names of secrets with components', async () => {
    expect(await linesOf(STORAGE, 'secrets: [{ name: storage-password }]\n')).toEqual([
      'component.yaml:6:19: secrets[0].name: m/platform.yaml has a secret "storage-password" too, of an option',
    ]);
  });
});

describe('placeholders for options', () => {
  it('are choices, values and, in template files, secrets', async () => {
    const template = '${option.storage.choice} ${option.storage.server}:${option.storage.port} ${secret.storage-password}\n';
    expect(await linesOf(STORAGE, 'values: { a: { each: web, as: "${option.storage.server}" } }\n', template)).toEqual([]);
  });

  it('are refused where the platform has no such option or value', async () => {
    expect(await linesOf(STORAGE, '', '${option.storag.choice}\n${option.storage.sever}\n')).toEqual([
      'web.conf:1:1: there is no "${option.storag.choice}" (did you mean "option.storage.choice"?)',
      'web.conf:2:1: there is no "${option.storage.sever}" (did you mean "option.storage.server"?)',
    ]);
  });

  it('keep passwords out of everything but template files, and out of the scope of values', async () => {
    expect(await linesOf(STORAGE, '', '${option.storage.password}\n')).toHaveLength(1);
    const [line] = await linesOf(STORAGE, 'directories: [{ path: "/x/${secret.storage-password}" }]\n');
    expect(line).toContain('"${secret.storage-password}" stands outside a template file');
  });
});
