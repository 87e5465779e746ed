import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync, lstatSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent, systemClock } from '../../src/core/index.ts';
import { openLocalHost } from '../../src/host/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import {
  detailsOf,
  fixedContent,
  forgetReplaced,
  keepsReplaced,
  lookAtResources,
  makeResources,
  removeResources,
  resourceId,
  undoResources,
  type Resource,
} from '../../src/resources/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { inspectPaths, keepPaths, ORIGINALS, removeFiles, removePlaced, REPLACED, restorePaths } from '../../src/resources/paths.ts';
import type { OwnedResource } from '../../src/site/index.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { Installer } from '../support/simulated-machine.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const signal = new AbortController().signal;
const context = { packages: aptManager, engine: dockerEngine, clock: systemClock, emit: silent, signal };
const { uid, gid } = userInfo();

const at = (name: string): string => join(directory(), name);

function here() {
  return relocatedHost(openLocalHost({ name: 'here' }), {
    places: { '/var/lib/caisson': at('state') },
    installer: new Installer(),
  });
}

function link(name: string, target: string): Resource {
  return { host: 'here', owner: 'web', kind: 'link', key: at(name), digest: undefined, spec: { target } };
}

function folder(name: string, mode = 0o755): Resource {
  const spec = { mode, owner: `${uid}:${gid}`, contents: 'data' } as const;
  return { host: 'here', owner: 'web', kind: 'directory', key: at(name), digest: undefined, spec };
}

function file(name: string, text: string): Resource {
  const spec = { mode: 0o600, owner: `${uid}:${gid}`, content: fixedContent(text) };
  return { host: 'here', owner: 'web', kind: 'file', key: at(name), digest: undefined, spec };
}

function ownedOf(resource: Resource, parts: Partial<OwnedResource> = {}): OwnedResource {
  const details = detailsOf(resource);
  return { kind: resource.kind, key: resource.key, owner: resource.owner, ...(details === undefined ? {} : { details }), ...parts };
}

describe('the resources of a host', () => {
  it('are looked at and made kind by kind, whatever order they come in, and answer each for itself', async () => {
    const host = here();
    const resources = [link('name', at('deep/file')), file('deep/file', 'text\n'), folder('deep')];
    const states = async () =>
      [...(await lookAtResources(host, resources, context))].map(([{ kind }, found]) => `${kind} ${found.state}`).sort();
    expect(await states()).toEqual(['directory absent', 'file absent', 'link absent']);
    await makeResources(
      host,
      resources.map((resource) => ({ resource, replaces: false })),
      context,
    );
    expect(await states()).toEqual(['directory same', 'file same', 'link same']);
    expect(await readFile(at('name'), 'utf8')).toBe('text\n');
    await rm(at('name'));
    await symlink('/elsewhere', at('name'));
    const found = await lookAtResources(host, resources, context);
    expect(resources.map((one) => found.get(one)?.state)).toEqual(['different', 'same', 'same']);
  });

  it('go in the reverse order, and those of a kind that is not known stay', async () => {
    const host = here();
    const resources = [folder('deep'), file('deep/file', 'text\n'), link('deep/name', at('deep/file'))];
    await makeResources(
      host,
      resources.map((resource) => ({ resource, replaces: false })),
      context,
    );
    await removeResources(host, [{ kind: 'spell', key: at('deep'), owner: 'web' }, ...resources.map((one) => ownedOf(one))], context, {
      purge: false,
    });
    expect(existsSync(at('deep'))).toBe(false);
  });

  it.each([true, false])('that replaced what was there before put it back when they go: %s', async (replaces) => {
    const host = here();
    await writeFile(at('a'), 'before\n');
    const making = { resource: file('a', 'ours\n'), replaces };
    await makeResources(host, [making], context);
    expect(await readFile(at('a'), 'utf8')).toBe('ours\n');
    await removeResources(host, [ownedOf(making.resource, replaces ? { before: 'other' } : {})], context, { purge: false });
    if (replaces) expect(await readFile(at('a'), 'utf8')).toBe('before\n');
    else expect(existsSync(at('a'))).toBe(false);
  });

  it('are undone to what they were before this run, changed ones and new ones', async () => {
    const host = here();
    await writeFile(at('old'), 'earlier\n');
    const makings = [file('old', 'later\n'), file('new', 'later\n')].map((resource) => ({ resource, replaces: false }));
    await makeResources(host, makings, context);
    expect(await keepsReplaced(host, signal)).toBe(true);
    await undoResources(host, makings, context);
    expect(await readFile(at('old'), 'utf8')).toBe('earlier\n');
    expect(existsSync(at('new'))).toBe(false);
  });

  it('cannot be undone once the run has ended well', async () => {
    const host = here();
    await writeFile(at('old'), 'earlier\n');
    const makings = [{ resource: file('old', 'later\n'), replaces: false }];
    expect(await keepsReplaced(host, signal)).toBe(false);
    await makeResources(host, makings, context);
    await forgetReplaced(host, signal);
    expect(await keepsReplaced(host, signal)).toBe(false);
    expect(existsSync(at('state/replaced'))).toBe(false);
    await undoResources(host, makings, context);
    expect(await readFile(at('old'), 'utf8')).toBe('later\n');
  });

  it('need no command where there are none', async () => {
    const host = here();
    expect(await lookAtResources(host, [], context)).toEqual(new Map());
    await makeResources(host, [], context);
    await undoResources(host, [], context);
    await removeResources(host, [], context, { purge: true });
    expect(await inspectPaths(host, {}, signal)).toEqual(new Map());
    await keepPaths(host, ORIGINALS, [], signal);
    await restorePaths(host, ORIGINALS, [], signal);
    await removeFiles(host, [], signal);
    await removePlaced(host, [], () => [], signal);
    expect(host.lines).toEqual([]);
  });

  it('are known by kind and key, and the record has what their removal needs', () => {
    const [one, other] = [link('name', '/target'), file('a', '')];
    expect(resourceId(one)).toBe(`link ${at('name')}`);
    expect(detailsOf(one)).toEqual({ target: '/target' });
    expect(detailsOf(folder('deep'))).toEqual({ contents: 'data' });
    expect(detailsOf(other)).toBeUndefined();
  });
});

describe('a store of files that were replaced', () => {
  it('keeps the oldest of each, links as links, and that there was none', async () => {
    const host = here();
    const paths = ['file', 'link', 'none'].map(at);
    await writeFile(at('file'), 'first\n');
    await symlink('file', at('link'));
    await keepPaths(host, REPLACED, paths, signal);
    for (const path of paths) {
      await rm(path, { force: true });
      await writeFile(path, 'second\n');
    }
    await keepPaths(host, REPLACED, paths, signal);
    await restorePaths(host, REPLACED, paths, signal);
    expect(await readFile(at('file'), 'utf8')).toBe('first\n');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(existsSync(at('none'))).toBe(false);
    expect(existsSync(at('state/replaced'))).toBe(false);
  });

  it('changes no path of which it has neither a copy nor a note', async () => {
    await mkdir(at('state/originals'), { recursive: true });
    await writeFile(at('kept'), 'kept\n');
    await restorePaths(here(), ORIGINALS, [at('kept')], signal);
    expect(await readFile(at('kept'), 'utf8')).toBe('kept\n');
  });

  it('is asked for what replaced an original alone; the rest is removed', async () => {
    const host = here();
    for (const name of ['own', 'taken']) await writeFile(at(name), 'before\n');
    await keepPaths(host, ORIGINALS, [at('taken')], signal);
    for (const name of ['own', 'taken']) await writeFile(at(name), 'ours\n');
    const owned = [
      { kind: 'file', key: at('own'), owner: 'web' },
      { kind: 'file', key: at('taken'), owner: 'web', before: 'other' },
    ] as const;
    await removePlaced(host, owned, ({ key }) => [key], signal);
    expect(existsSync(at('own'))).toBe(false);
    expect(await readFile(at('taken'), 'utf8')).toBe('before\n');
  });
});
