import { describe, expect, it } from 'vitest';
import { CLEAN, CLEAN_IMAGES, edited, linesOf } from './lint-sample.ts';

const STORE = 'components/store/component.yaml';

describe('images of components and of the list', () => {
  it('are the same in every spelling: short, with the default registry, under the name behind "as"', async () => {
    expect(await linesOf()).toEqual([]);
    for (const line of ['docker.io/acme/store:1', 'index.docker.io/acme/store:1', 'builds.example/store:9 as acme/store:1'])
      expect(await linesOf({ images: CLEAN_IMAGES.replace('acme/store:1', line) })).toEqual([]);
    const files = edited(STORE, 'acme/store:1', 'docker.io/acme/store:1');
    expect(await linesOf({ files })).toEqual([]);
  });

  it('are missing where only the source has the name', async () => {
    const images = CLEAN_IMAGES.replace('acme/store:1', 'acme/store:1 as goodrain.me/store:1');
    const lines = await linesOf({ images });
    expect(lines[0]).toBe(
      'error m/components/agent/component.yaml:10:25: services[0].container.image: images.txt has no image "docker.io/acme/store:1" (add a line for it there: SOURCE as docker.io/acme/store:1)',
    );
    expect(lines[1]).toBe(
      'warning m/components/store/component.yaml:15:25: services[0].container.image: images.txt has no image "docker.io/acme/store:1", so this bundle is for no cluster with database: internal (add a line for it there: SOURCE as docker.io/acme/store:1)',
    );
    expect(lines).toHaveLength(2);
  });

  it('are missing in actions, artifacts and lists of a component, and the nearest one is named', async () => {
    const more = `artifacts: [{ path: /x, image: acme/stroe:1, member: /x }]
images: [registry.example/wep:1]
actions: [{ name: a, summary: a, at: once, container: { image: "acme/store:2" } }]
services:`;
    const files: Record<string, string> = { ...edited(STORE, 'services:', more) };
    files[STORE] = files[STORE]?.replace('when: { database: [internal] }', 'when: { database: [internal, external] }') ?? '';
    expect(await linesOf({ files })).toEqual([
      'error m/components/store/component.yaml:13:32: artifacts[0].image: images.txt has no image "docker.io/acme/stroe:1" (did you mean "docker.io/acme/store:1"?)',
      'error m/components/store/component.yaml:14:10: images[0]: images.txt has no image "registry.example/wep:1" (did you mean "registry.example/web:1"?)',
      'error m/components/store/component.yaml:15:64: actions[0].container.image: images.txt has no image "docker.io/acme/store:2" (did you mean "docker.io/acme/store:1"?)',
    ]);
  });

  it('are a warning where the list has them for other platforms than the build', async () => {
    const images = CLEAN_IMAGES.replace('web:1', 'web:1 platforms=linux/arm64');
    expect(await linesOf({ images, platforms: ['linux/amd64'] })).toEqual([
      'warning m/components/web/component.yaml:10:25: services[0].container.image: "registry.example/web:1" is not in this bundle: line 2 of "images.txt" has it for linux/arm64 only (build for one of these platforms, too, or list it for those of the hosts)',
    ]);
    expect(await linesOf({ images, platforms: ['linux/amd64', 'linux/arm64'] })).toEqual([]);
    expect(await linesOf({ images })).toEqual([]);
  });
});

describe('images of templates', () => {
  /** The sample, with a template more. */
  const withTemplate = (text: string): Record<string, string> => ({
    ...edited(STORE, 'template: store.conf }', 'template: store.conf }, { path: /pods, mode: "0600", template: pods.yaml }'),
    'components/store/pods.yaml': text,
  });

  it.each([
    ['alone on its line', '      image: other.example/team/thing:1', '7', 'other.example/team/thing:1'],
    ['first in a list', '  - image: "other.example/team/thing:1" # a comment', '5', 'other.example/team/thing:1'],
    ['in a flow mapping', "  - { name: a, image: 'busybox', args: [a] }", '16', 'docker.io/library/busybox:latest'],
  ])('are missing %s', async (_, line, column, name) => {
    expect(await linesOf({ files: withTemplate(`kind: Pod\n${line}\n`) })).toEqual([
      `warning m/components/store/pods.yaml:2:${column}: images.txt has no image "${name}" (add a line for it there: SOURCE as ${name})`,
    ]);
  });

  it('are named by the nearest one of the list', async () => {
    expect(await linesOf({ files: withTemplate('image: registry.example/wep:1\n') })).toEqual([
      'warning m/components/store/pods.yaml:1:1: images.txt has no image "registry.example/wep:1" (did you mean "registry.example/web:1"?)',
    ]);
  });

  it.each([
    ['that the list has', 'image: acme/store:1\n'],
    ['that the list has, with a digest', `image: acme/store:1@sha256:${'a'.repeat(64)}\n`],
    ['with a placeholder', 'image: registry.example/${node.name}:1\n'],
    ['in a comment', '# image: other.example/team/thing:1\n'],
    ['of another key', 'otherimage: other.example/team/thing:1\nimages: other.example/team/thing:1\n'],
    ['that no reference is', 'image: /dev/sda\nimage: UPPER:1\n'],
  ])('are nothing to say of %s', async (_, text) => {
    expect(await linesOf({ files: withTemplate(text) })).toEqual([]);
  });
});

describe('images of the list that the manifests do not use', () => {
  it('are a warning each while they are few, and one warning together', async () => {
    const remedy = '(name it in images of the component whose hosts shall hold it, or in otherImages of platform.yaml)';
    expect(await linesOf({ images: `# workloads\nnginx\n${CLEAN_IMAGES}` })).toEqual([
      `warning images.txt:2:1: no component and no template uses "docker.io/library/nginx:latest" ${remedy}`,
    ]);
    expect(await linesOf({ images: `${CLEAN_IMAGES}a/b:1\na/b:2\na/b:3\na/b:4\n` })).toEqual([
      `warning images.txt:3:1: no component and no template uses 4 images: "docker.io/a/b:1", "docker.io/a/b:2", "docker.io/a/b:3" and 1 more ${remedy}`,
    ]);
  });

  it.each([
    [
      'a template that names it',
      { 'components/store/store.conf': `${CLEAN['components/store/store.conf']}runner=\${var.root}/nginx:1.27` },
    ],
    ['otherImages with its name', edited('platform.yaml', 'hostNames', 'otherImages: ["docker.io/library/nginx:1.27"]\nhostNames')],
    ['otherImages with its beginning', edited('platform.yaml', 'hostNames', 'otherImages: ["docker.io/library/*"]\nhostNames')],
  ])('are no warning with %s', async (_, files) => {
    expect(await linesOf({ images: `nginx:1.27\n${CLEAN_IMAGES}`, files })).toEqual([]);
  });

  it('leave a pattern of otherImages without a use', async () => {
    expect(await linesOf({ files: edited('platform.yaml', 'hostNames', 'otherImages: [nginx]\nhostNames') })).toEqual([
      'warning m/platform.yaml:14:15: otherImages[0]: images.txt has no image "nginx" (write the full name, or remove it)',
    ]);
  });
});
