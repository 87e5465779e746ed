import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { readSealedFiles, watchedTree } from '../../src/builder/sealed-files.ts';
import { straysIn } from '../../src/builder/strays.ts';
import { buildBundle } from '../../src/builder/build-bundle.ts';
import { readLock } from '../../src/builder/lock.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { fakeImage } from './fixtures.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const SHIPPED = resolve(import.meta.dirname, '../../manifests');

const component = `apiVersion: caisson/v1
kind: Component
name: web
summary: Serves pages
files:
  - { path: /etc/web.conf, template: web.conf }
  - { path: /etc/users.sql, template: sql/users.sql }
`;

const roleYaml = `apiVersion: caisson/v1
kind: Role
name: node
summary: Every host
components: [web]
packageSets: [tools]
`;

const strays: Readonly<Record<string, string>> = {
  '.env': 'PASSWORD=secret',
  '.git/config': '[core]',
  id_rsa: 'a key',
  'roles/node.yaml~': 'before',
  'roles/.node.yaml.swp': 'b0VIM',
  'roles/._node.yaml': '\0\x05\x16\x07',
  'roles/notes.txt': 'notes',
  'components/README.md': 'read me',
  'components/web/component.yaml.orig': 'before',
  'components/web/sql/unused.sql': 'DROP TABLE users',
  'examples/other.yaml': 'name: other',
  'schema/role.json': '{}',
};

describe('the files of a manifests directory', () => {
  let workshop: Workshop;
  beforeEach(async () => {
    workshop = await openWorkshop({ images: { 'example.com/web:1': fakeImage(['web']) } });
    await workshop.write('manifests/roles/node.yaml', roleYaml);
    await workshop.write('manifests/components/web/component.yaml', component);
    await workshop.write('manifests/components/web/web.conf', 'listen 80');
    await workshop.write('manifests/components/web/sql/users.sql', 'CREATE TABLE users');
  });
  afterEach(() => workshop.remove());

  async function writeStrays(): Promise<void> {
    for (const [path, content] of Object.entries(strays)) await workshop.write(`manifests/${path}`, content);
  }

  async function sealed(): Promise<string[]> {
    const { output } = await buildBundle(workshop.request(), workshop.upstream);
    const bundle = await openBundle(output);
    const paths = bundle.manifest.entries.map(({ path }) => path).filter((path) => path.startsWith('manifests/'));
    await bundle.close();
    return paths.map((path) => path.slice('manifests/'.length)).toSorted();
  }

  function warnings(): string[] {
    return workshop.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  }

  const referredTo = [
    'components/web/component.yaml',
    'components/web/sql/users.sql',
    'components/web/web.conf',
    'os/debian-12.yaml',
    'os/keys/archive.asc',
    'platform.yaml',
    'roles/node.yaml',
  ];

  it('are sealed where a document refers to them, and no other is', async () => {
    await writeStrays();
    expect(await sealed()).toEqual(referredTo);
    expect(warnings()).toHaveLength(6);
    expect(warnings()[0]).toBe(`"${workshop.directory}/manifests/.env" (15 B) is not in the bundle: no document refers to it`);
    expect(warnings().at(-1)).toContain('7 more below');
  });

  it('give the same bytes, the same lock and a plan with the same words, whatever lies beside them', async () => {
    const request = workshop.request();
    const first = await buildBundle(request, workshop.upstream);
    const bytes = await readFile(first.output);
    const lock = await readFile(request.lock, 'utf8');
    await rm(first.output);
    await writeStrays();
    await workshop.write('manifests/.caissonignore', '*.swp\n');
    expect(await buildBundle({ ...request, planOnly: true }, workshop.upstream)).toMatchObject({ outcome: 'planned' });
    expect(warnings()).toHaveLength(6);
    await buildBundle({ ...request, frozen: true }, workshop.upstream);
    expect((await readFile(first.output)).equals(bytes)).toBe(true);
    expect(await buildBundle(request, workshop.upstream)).toMatchObject({ outcome: 'unchanged', lockWritten: false });
    expect(await readFile(request.lock, 'utf8')).toBe(lock);
  });

  it('are sealed where .caissonignore names them although a document refers to them', async () => {
    await workshop.write('manifests/.caissonignore', '*\n');
    await writeStrays();
    expect(await sealed()).toEqual(referredTo);
    expect(warnings()).toEqual([]);
  });

  it('include the example of cluster.yaml and the schema that a document names for editors', async () => {
    await writeStrays();
    await workshop.write('manifests/examples/cluster.yaml', '# yaml-language-server: $schema=../schema/cluster.json\nname: x\n');
    await workshop.write('manifests/schema/cluster.json', '{}');
    await workshop.write('manifests/roles/node.yaml', `# yaml-language-server: $schema=https://example.com/role.json\n${await role()}`);
    await workshop.write('images.json', '{}');
    await workshop.write('manifests/platform.yaml', `# yaml-language-server: $schema=../images.json\n${await platform()}`);
    expect(await sealed()).toEqual([...referredTo, 'examples/cluster.yaml', 'schema/cluster.json'].toSorted());
  });

  const role = () => readFile(join(workshop.directory, 'manifests/roles/node.yaml'), 'utf8');
  const platform = () => readFile(join(workshop.directory, 'manifests/platform.yaml'), 'utf8');

  it('are no strays where the build itself uses them', async () => {
    await workshop.write('manifests/images.txt', 'example.com/web:1\n');
    const own = {
      images: [join(workshop.directory, 'manifests/images.txt')],
      lock: join(workshop.directory, 'manifests/bundle.lock.json'),
    };
    await buildBundle(workshop.request(own), workshop.upstream);
    await buildBundle(workshop.request(own), workshop.upstream);
    expect(warnings()).toEqual([]);
  });

  it('may be links inside the directory, and are refused where a link leads out of it', async () => {
    const directory = join(workshop.directory, 'manifests');
    await rm(join(directory, 'components/web/web.conf'));
    await symlink('../../roles/node.yaml', join(directory, 'components/web/web.conf'));
    expect(await sealed()).toEqual(referredTo);
    await workshop.write('secret.conf', 'a password');
    await rm(join(directory, 'components/web/web.conf'));
    await symlink('../../../secret.conf', join(directory, 'components/web/web.conf'));
    await expect(sealed()).rejects.toMatchObject({ code: 'PATH_UNSAFE', message: expect.stringContaining('leads out of that directory') });
    await rm(join(directory, 'components'), { recursive: true });
    await mkdir(join(workshop.directory, 'elsewhere'));
    await workshop.write('elsewhere/web/component.yaml', component);
    await symlink('../elsewhere', join(directory, 'components'));
    await expect(sealed()).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
  });

  it('are in the lock exactly where they are sealed', async () => {
    await writeStrays();
    const paths = await sealed();
    const lock = await readLock(workshop.request().lock);
    expect(lock?.files.map(({ path }) => path)).toEqual(['images.txt', ...paths.map((path) => `manifests/${path}`)]);
  });
});

describe('the shipped manifests', () => {
  it('say the same to the installer once only the sealed files are left', async () => {
    const tree = watchedTree(directoryTree(SHIPPED));
    const written = await loadManifests(tree);
    for (const system of written.operatingSystems)
      for (const { signedBy } of system.repositories) (await tree.open(`os/${signedBy}`)).destroy();
    const files = await readSealedFiles(tree);
    const left = await loadManifests(
      memoryTree(Object.fromEntries(files.map(({ path, content }) => [relative('manifests', path), content]))),
    );
    expect(JSON.stringify([...left.components])).toBe(JSON.stringify([...written.components]));
    for (const [name, component_] of written.components)
      for (const { template } of component_.files) {
        expect(left.components.get(name)?.templateText(template)).toBe(component_.templateText(template));
      }
    expect({ ...left, components: undefined }).toEqual({ ...written, components: undefined });
    const sealed = new Set(files.map(({ path }) => relative('manifests', path)));
    expect(await straysIn(SHIPPED, sealed)).toEqual([]);
    expect(sealed).toContain('examples/cluster.yaml');
    expect(sealed).toContain('schema/cluster.json');
  });
});
