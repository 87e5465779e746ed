import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/**
 * Folders for the hosts' side. Here a package manager and a container engine are named only behind their interfaces, so
 * that a second one is written in one folder. Elsewhere `docker` is also the name of a registry, a manifest format and an
 * archive format, and `apt` of a repository format.
 */
const HOST_SIDE = ['agent', 'cluster', 'engine', 'health', 'host', 'manifests', 'plan', 'preflight', 'resources', 'site', 'usecases'];

const DOORS: readonly { readonly words: RegExp; readonly room: string }[] = [
  { words: /\b(?:apt|apt-get|aptManager|dpkg|debian)\b|dpkg-|\/apt\b/i, room: 'resources/packages/apt/' },
  { words: /\b(?:docker|dockerd|dockerEngine)\b|\/docker\b/i, room: 'resources/containers/docker/' },
];

/** Files that choose the implementations. */
const CHOICES = ['resources/host-tools.ts'];

function namedOutside(files: readonly (readonly [path: string, text: string])[]): readonly string[] {
  return files.flatMap(([path, text]) =>
    DOORS.filter(({ room }) => !path.startsWith(room) && !CHOICES.includes(path)).flatMap(({ words }) =>
      text.split('\n').flatMap((line, index) => (words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    ),
  );
}

describe('the package manager and the container engine', () => {
  it('are named only behind their interfaces', () => {
    const files = HOST_SIDE.flatMap((folder) =>
      readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => [`${folder}/${name}`, readFileSync(join(SRC, folder, name), 'utf8')] as const),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(namedOutside(files)).toEqual([]);
  });

  it('are found where they are named elsewhere', () => {
    expect(
      namedOutside([
        ['preflight/judge/disk.ts', "const CACHE = '/var/cache/apt/archives';"],
        ['preflight/host-state.ts', 'docker ps'],
        ['plan/wanted/node.ts', 'posix.join(directory, name)'],
        ['resources/packages/apt/tool.ts', 'dpkg --configure'],
        ['resources/containers/docker/docker-engine.ts', 'apt-get install'],
      ]),
    ).toEqual([
      "preflight/judge/disk.ts:1: const CACHE = '/var/cache/apt/archives';",
      'preflight/host-state.ts:1: docker ps',
      'resources/containers/docker/docker-engine.ts:1: apt-get install',
    ]);
  });
});
