import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** A folder, with a slash at its end, or a file below src. */
type Place = string;

interface Door {
  /** The tool that is named only behind the door. */
  readonly tool: string;
  /** Words that name the tool, alone or inside a longer name: `docker.service`, `dockerVersion`, `DOCKER_HUB`. */
  readonly words: RegExp;
  /** Where it is named by right, each with the reason. A folder that is not in this list is held. */
  readonly byRight: Readonly<Record<Place, string>>;
}

/**
 * A second package manager or container engine of the hosts is written in one folder and chosen in one file, so no other
 * file that works on hosts may name the first. Formats, registries and texts for operators have these words by right.
 */
const DOORS: readonly Door[] = [
  {
    tool: 'apt',
    words: named('apt', 'dpkg', 'debian'),
    byRight: {
      'resources/packages/apt/': 'the room behind PackageManager',
      'resources/host-tools.ts': 'chooses the implementation',
      'ospkg/': 'the repository format has the name of its reader',
      'core/platform.ts': "Debian's word for a CPU, in names of packages and repositories",
      'builder/zstd-warnings.ts': 'reads a version of a Debian package of the bundle',
    },
  },
  {
    tool: 'dnf',
    words: named('dnf', 'yum', 'rpm'),
    byRight: {
      'resources/packages/dnf/': 'the room behind PackageManager',
      'resources/host-tools.ts': 'chooses the implementation',
      'ospkg/': 'the repository format has the name of its packages',
    },
  },
  {
    tool: 'docker',
    words: named('docker'),
    byRight: {
      'resources/containers/docker/': 'the room behind ContainerEngine',
      'resources/host-tools.ts': 'chooses the implementation',
      'ospkg/apt/write-repo.ts': 'an example of a package',
      'oci/': 'media types and the default registry of references',
      'registry/': "credentials of docker's configuration file",
      'server/registry/': 'headers of the registry protocol, names of Docker Hub',
      'sources/': 'the engine and archives that a bundle is built from',
      'bundle/format/': 'manifest.json, which docker load reads',
      'builder/': 'mirrors, credentials and engines of a build; no host is near',
      'cli/': 'commands that an operator types, credential helpers of the build machine',
      'depot/status-page.ts': 'a command that an operator types',
    },
  },
];

/** Matches words in any spelling of a name, but not inside another word: `aptManager` and `APT_LISTS`, not `adapted` or `captain`. */
function named(...words: readonly string[]): RegExp {
  const forms = words.flatMap((word) => {
    const capital = `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
    return [`(?<![A-Za-z])${word}d?(?![a-z])`, `(?<![A-Z])${capital}(?![a-z])`, `(?<![A-Za-z])${word.toUpperCase()}(?![A-Za-z])`];
  });
  return new RegExp(forms.join('|'));
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

function covers(place: Place, path: string): boolean {
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}

/** Lines that name a tool outside its places. */
function namedOutside(files: readonly SourceFile[]): readonly string[] {
  return DOORS.flatMap(({ words, byRight }) =>
    files
      .filter(({ path }) => !Object.keys(byRight).some((place) => covers(place, path)))
      .flatMap(({ path, text }) =>
        text.split('\n').flatMap((line, index) => (words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
      ),
  );
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path): SourceFile => ({ path, text: readFileSync(join(SRC, path), 'utf8') }));

describe('the package manager and the container engine of hosts', () => {
  it('are named only behind their interfaces, and where they are named by right', () => {
    expect(namedOutside(FILES)).toEqual([]);
  });

  it.each(DOORS)('$tool is named in each place that has the right', ({ words, byRight }) => {
    const unused = Object.keys(byRight).filter((place) => !FILES.some(({ path, text }) => covers(place, path) && words.test(text)));
    expect(unused).toEqual([]);
  });

  it.each([
    ['preflight/judge/disk.ts', "const CACHE = '/var/cache/apt/archives';"],
    ['preflight/judge/strangers.ts', "'Mend them: dpkg --configure --pending'"],
    ['preflight/host-state.ts', 'dpkg-query --show'],
    ['preflight/host-state.ts', 'engine=$(command -v dockerd)'],
    ['preflight/ask.ts', 'systemctl is-active docker'],
    ['host/facts.ts', 'readonly dockerVersion: string | undefined;'],
    ['host/facts.ts', 'readonly dpkgArchitecture: string | undefined;'],
    ['site/layout.ts', "export const APT_LISTS = '/var/lib/caisson/lists';"],
    ['plan/wanted/node.ts', 'posix.join(APT, name)'],
    ['usecases/planned-run.ts', 'packages: aptManager'],
    ['usecases/apply/action.ts', 'const run = loadDocker();'],
    ['resources/image.ts', '/** Asks Docker for its images. */'],
    ['resources/packages/package-manager.ts', 'aptGet(host)'],
    ['resources/packages/apt/tool.ts', 'docker ps'],
    ['resources/containers/docker/docker-engine.ts', 'apt-get install'],
    ['resources/packages/apt/tool.ts', 'dnf install'],
    ['preflight/host-state.ts', 'rpm --query --all'],
    ['plan/wanted/node.ts', "if (repository.type === 'rpm') return dnfManager;"],
    ['site/layout.ts', "export const YUM_REPOSITORIES = '/etc/yum.repos.d';"],
    ['novel/file.ts', 'DOCKER_HOST'],
  ])('are found in %s when it says %j', (path, text) => {
    expect(namedOutside([{ path, text: `\n${text}\n` }])).toEqual([`${path}:2: ${text}`]);
  });

  it.each([
    ['preflight/ask.ts', 'adapted chapters capture what is apter; CAPTURE, ADAPT'],
    ['resources/packages/apt/tool.ts', 'dpkg --configure --pending'],
    ['resources/packages/dnf/tool.ts', 'yum makecache; rpm --query'],
    ['preflight/judge/memory.ts', 'the rpms of a disk; a dnfx'],
    ['resources/containers/docker/docker-engine.ts', 'docker ps'],
    ['core/platform.ts', 'dpkg --print-architecture'],
    ['server/registry/names.ts', "const DOCKER_HUB = 'docker.io';"],
  ])('are not found in %s when it says %j', (path, text) => {
    expect(namedOutside([{ path, text }])).toEqual([]);
  });
});
