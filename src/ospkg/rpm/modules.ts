import { CaissonError, compareText } from '../../core/index.ts';
import { nearestName } from '../../io/index.ts';
import type { ModuleDefault, ModuleMetadata, ModuleStream } from './module-documents.ts';
import { splitRpmVersion } from './rpm-version.ts';

/** The pseudo module that stands for the release of a distribution; modules are built for its streams. */
const PLATFORM = 'platform';

/** A package as the filter asks for it. */
export interface FilteredPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** True for a package of a repository whose packages stand in for those of modules. */
  readonly isHotfix: boolean;
  /** Names that it provides besides its own. */
  readonly provides: readonly string[];
}

/** Hides packages as dnf does: those of streams that are not active, and those in whose place an active stream has others. */
export interface ModuleFilter {
  /** The streams that are active, NAME:STREAM, by name. */
  readonly active: readonly string[];
  /** Why a package may not be chosen; undefined for one that may. */
  refusalOf(item: FilteredPackage): string | undefined;
}

/**
 * The filter of the streams that are asked for, as NAME:STREAM, and of the default streams of other modules, where what they
 * require can be met. `platform:el8` says which release modules must be for; without it they may be for any. Undefined where
 * there are no modules. Throws PACKAGE_UNSOLVABLE for a stream that is not on offer or whose requirements cannot be met.
 */
export function moduleFilter({ streams, defaults }: ModuleMetadata, wanted: readonly string[]): ModuleFilter | undefined {
  const asked = new Map(wanted.map((item) => [nameIn(item), item.slice(nameIn(item).length + 1)]));
  if (streams.length === 0 && [...asked.keys()].every((name) => name === PLATFORM)) return undefined;
  const active = activeStreams(streams, defaultStreams(defaults), asked);
  const included = new Set(active.flatMap(({ artifacts }) => artifacts));
  const names = new Map(active.flatMap((item) => item.artifacts.map((artifact) => [nameOfArtifact(artifact), titleOf(item)] as const)));
  const excluded = new Map<string, string>();
  for (const item of streams) for (const artifact of item.artifacts) if (!included.has(artifact)) excluded.set(artifact, titleOf(item));
  const activeBuilds = new Set(active.map(titleOf));
  return {
    active: [...activeBuilds].sort(),
    refusalOf: ({ name, version, architecture, isHotfix, provides }) => {
      const { epoch, version: upstream, release = '' } = splitRpmVersion(version);
      const artifact = `${name}-${epoch}:${upstream}-${release}.${architecture}`;
      if (included.has(artifact)) return undefined;
      const owner = excluded.get(artifact);
      if (owner !== undefined) {
        return activeBuilds.has(owner)
          ? `it is of another build of module "${owner}" than the one that is taken`
          : `it is of module "${owner}", which is not enabled`;
      }
      if (isHotfix) return undefined;
      const by = [name, ...provides].map((one) => names.get(one)).find((title) => title !== undefined);
      return by === undefined ? undefined : `module "${by}" has packages in its place`;
    },
  };
}

/** The default streams by module: that of the latest document; two of one time that differ leave none. */
function defaultStreams(defaults: readonly ModuleDefault[]): ReadonlyMap<string, string> {
  const latest = new Map<string, ModuleDefault>();
  const unclear = new Set<string>();
  for (const item of defaults) {
    const known = latest.get(item.module);
    if (known !== undefined && known.modified > item.modified) continue;
    if (known !== undefined && known.modified === item.modified) {
      if (known.stream !== item.stream && known.stream !== undefined && item.stream !== undefined) unclear.add(item.module);
      if (item.stream === undefined) continue;
    } else unclear.delete(item.module);
    latest.set(item.module, item);
  }
  const clear = [...latest.values()].filter(({ module: name }) => !unclear.has(name));
  return new Map(clear.flatMap(({ module: name, stream }) => (stream === undefined ? [] : [[name, stream] as const])));
}

/**
 * Builds of a stream that require the same streams, newest first. They are active together, as dnf has it: an older version of a
 * package may be chosen where the newest cannot be installed. The newest version says whether they can be.
 */
interface BuildGroup {
  readonly name: string;
  readonly stream: string;
  /** Groups are tried in this order. */
  readonly key: string;
  readonly builds: ModuleStream[];
}

function groupsOf(streams: readonly ModuleStream[]): ReadonlyMap<string, readonly BuildGroup[]> {
  const groups = new Map<string, BuildGroup>();
  for (const item of streams) {
    const requires = [...item.requires].filter(([name]) => name !== PLATFORM).map(([name, list]) => `${name}:[${list.join(',')}]`);
    const key = `${titleOf(item)}:${item.staticContext ?? requires.sort().join(',')}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { name: item.name, stream: item.stream, key, builds: [item] });
    else known.builds.push(item);
  }
  const byName = new Map<string, BuildGroup[]>();
  for (const group of [...groups.values()].sort((left, right) => compareText(left.key, right.key))) {
    group.builds.sort((left, right) => (left.version < right.version ? 1 : left.version > right.version ? -1 : 0));
    const known = byName.get(group.name);
    if (known === undefined) byName.set(group.name, [group]);
    else known.push(group);
  }
  return byName;
}

class Chooser {
  readonly chosen = new Map<string, BuildGroup>();
  readonly #groups: ReadonlyMap<string, readonly BuildGroup[]>;
  readonly #defaults: ReadonlyMap<string, string>;
  readonly #asked: ReadonlyMap<string, string>;

  constructor(streams: readonly ModuleStream[], defaults: ReadonlyMap<string, string>, asked: ReadonlyMap<string, string>) {
    this.#groups = groupsOf(streams);
    this.#defaults = defaults;
    this.#asked = asked;
  }

  /** Takes a stream with what it requires, default streams where they do; leaves all as it was where that cannot be. */
  take(name: string, stream: string): boolean {
    return this.takeDefault(name, stream) || this.#take(name, (one) => one === stream, false);
  }

  /** As `take`, unless that needs another stream of a module than its default one. */
  takeDefault(name: string, stream: string): boolean {
    return this.#take(name, (one) => one === stream, true);
  }

  names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  streamsOf(name: string): readonly string[] {
    return [...new Set((this.#groups.get(name) ?? []).map(({ stream }) => stream))].sort();
  }

  #take(name: string, isRight: (stream: string) => boolean, onlyDefaults: boolean): boolean {
    const known = this.chosen.get(name);
    if (known !== undefined) return isRight(known.stream);
    const must = this.#asked.get(name) ?? (onlyDefaults ? this.#defaults.get(name) : undefined);
    const list = (this.#groups.get(name) ?? []).filter(({ stream }) => isRight(stream) && (must ?? stream) === stream);
    return list.some((group) => this.#takeGroup(group, onlyDefaults));
  }

  #takeGroup(group: BuildGroup, onlyDefaults: boolean): boolean {
    const before = new Map(this.chosen);
    for (const { version, requires } of group.builds) {
      if (version !== group.builds[0]?.version) return false;
      this.chosen.set(group.name, group);
      if ([...requires].every(([name, streams]) => this.#meet(name, streams, onlyDefaults))) return true;
      this.chosen.clear();
      for (const [name, one] of before) this.chosen.set(name, one);
    }
    return false;
  }

  #meet(name: string, streams: readonly string[], onlyDefaults: boolean): boolean {
    const wanted = streams.filter((one) => !one.startsWith('-'));
    const unwanted = new Set(streams.filter((one) => one.startsWith('-')).map((one) => one.slice(1)));
    const isRight = (stream: string): boolean => (wanted.length === 0 || wanted.includes(stream)) && !unwanted.has(stream);
    if (name !== PLATFORM) return this.#take(name, isRight, onlyDefaults);
    const platform = this.#asked.get(PLATFORM);
    return platform === undefined || isRight(platform);
  }
}

/** The builds of the active streams. Streams that are asked for are taken first with those that they require, then default ones. */
function activeStreams(
  streams: readonly ModuleStream[],
  defaults: ReadonlyMap<string, string>,
  asked: ReadonlyMap<string, string>,
): readonly ModuleStream[] {
  const chooser = new Chooser(streams, defaults, asked);
  const wanted = [...asked].filter(([name]) => name !== PLATFORM);
  for (const [name, stream] of wanted) {
    if (!chooser.take(name, stream)) throw unavailable(chooser, name, stream);
  }
  for (const [name, stream] of [...defaults].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (!asked.has(name)) chooser.takeDefault(name, stream);
  return [...chooser.chosen.values()].flatMap(({ builds }) => builds);
}

function unavailable(chooser: Chooser, name: string, stream: string): CaissonError {
  const offered = chooser.streamsOf(name);
  if (offered.length === 0) {
    const near = nearestName(name, chooser.names());
    return new CaissonError('PACKAGE_UNSOLVABLE', `Cannot enable module "${name}:${stream}": no repository has a module "${name}"`, {
      hint: near === undefined ? 'Add the repository that has it, or take it out of modules' : `Write "${near}", if that is meant`,
    });
  }
  if (!offered.includes(stream)) {
    return new CaissonError('PACKAGE_UNSOLVABLE', `Cannot enable module "${name}:${stream}": the repositories have no such stream`, {
      hint: `Name one that they have: ${offered.map((one) => `${name}:${one}`).join(', ')}`,
    });
  }
  const other = chooser.chosen.get(name);
  return new CaissonError(
    'PACKAGE_UNSOLVABLE',
    other === undefined
      ? `Cannot enable module "${name}:${stream}": the modules that it requires cannot be enabled with it`
      : `Cannot enable module "${name}:${stream}": another module requires "${name}:${other.stream}"`,
    { hint: 'Name streams in modules that go together; the platform, such as platform:el8, must be the one that they are for' },
  );
}

function titleOf({ name, stream }: ModuleStream): string {
  return `${name}:${stream}`;
}

function nameIn(wanted: string): string {
  const colon = wanted.indexOf(':');
  return colon < 0 ? wanted : wanted.slice(0, colon);
}

/** The name in name-epoch:version-release.architecture. */
function nameOfArtifact(artifact: string): string {
  return artifact.replace(/-[^-]*-[^-]*$/, '');
}
