import { describe, expect, it } from 'vitest';
import { CLEAN, edited, linesOf } from './lint-sample.ts';

const STORE = 'components/store/component.yaml';

describe('what the manifests declare and do not use', () => {
  it.each([
    [
      'a secret',
      { 'components/store/store.conf': 'name=${node.name}\n' },
      'warning m/components/store/component.yaml:9:11: secrets[0]: no template names ${secret.store-root} (name it, or remove the secret)',
    ],
    [
      'a list of values',
      edited(STORE, '"--members=${value.members}"', '"--members"'),
      'warning m/components/store/component.yaml:10:11: values.members: no text of the component names ${value.members} (name it, or remove the list)',
    ],
    [
      'a variable',
      edited('platform.yaml', 'root: /opt/sample', 'root: /opt/sample, data: /data'),
      'warning m/platform.yaml:5:33: variables.data: no text of the manifests names ${var.data} (name it, or remove the variable)',
    ],
    [
      'an option',
      {
        ...edited(STORE, 'when: { database: [internal] }\n', ''),
        'components/web/web.conf': 'x\n',
      },
      'warning m/platform.yaml:8:11: options[0].name: no component asks for the option "database", by when or by a text (use it, or remove the option)',
    ],
    [
      'an authority',
      edited('platform.yaml', 'hostNames:', 'authorities: [{ name: spare, summary: For later }]\nhostNames:'),
      'warning m/platform.yaml:14:15: authorities[0]: no certificate is signed by "spare" (name it as authority of a certificate, or remove it)',
    ],
    [
      'a package set',
      { 'os/debian-12.yaml': `${CLEAN['os/debian-12.yaml']?.trimEnd()}\n  - { name: spare, packages: [jq] }\n` },
      expect.stringMatching(
        /^warning m\/os\/debian-12.yaml:\d+:\d+: packageSets\[2\]: no role and no component asks for the package set "spare", so no bundle has it \(name it in packageSets of a role or a component, or remove it\)$/,
      ),
    ],
  ])('%s is a warning', async (_, files, line) => {
    expect(await linesOf({ files })).toEqual([line]);
  });

  it('an option that a flag of caisson init sets is used', async () => {
    const files = {
      ...edited(STORE, 'when: { database: [internal] }\n', ''),
      ...edited('platform.yaml', 'hostNames:', 'init: { flags: { db: { option: database } } }\nhostNames:'),
      'components/web/web.conf': 'x\n',
    };
    expect(await linesOf({ files })).toEqual([]);
  });
});
