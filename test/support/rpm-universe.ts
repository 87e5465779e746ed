import type { VersionOperator } from '../../src/ospkg/rpm/dependency.ts';

/** A relation of a package, as a spec file writes it: `name`, `name >= 1.0`, `(a if b)`. */
export type Relation = string;

/** A package of a generated repository. */
export interface DrawnPackage {
  readonly name: string;
  readonly epoch: number;
  readonly version: string;
  readonly release: string;
  readonly architecture: string;
  readonly files: readonly string[];
  readonly relations: Readonly<Partial<Record<RelationField, readonly Relation[]>>>;
}

export type RelationField = 'provides' | 'requires' | 'conflicts' | 'obsoletes' | 'recommends' | 'suggests' | 'supplements' | 'enhances';

/** Numbers from a seed. */
export interface Draw {
  /** Below `limit`, whole. */
  readonly below: (limit: number) => number;
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
}

/** The same seed gives the same numbers (Marsaglia's xorshift of 32 bits). */
export function drawFrom(seed: number): Draw {
  let state = (seed * 2654435761) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (share) => next() < share,
    pick: (list) => {
      const found = list[below(list.length)];
      if (found === undefined) throw new Error('there is nothing to pick');
      return found;
    },
  };
}

const VERSIONS = ['1.0', '1.1', '1.0~rc1', '1.0^git1', '2.0', '2.0.1', '10'];
const RELEASES = ['1', '2', '1.el9', '3'];
const VIRTUALS = ['mta', 'editor', 'lib(a)', 'lib(b)', 'webserver', 'python(abi)'];
const FILES = ['/usr/bin/tool', '/usr/sbin/daemon', '/etc/shared.conf', '/usr/share/data/file', '/opt/thing/data'];
const SIGNS = ['=', '>=', '<=', '<', '>'];

/** A repository with every kind of relation, in which many wishes can be met and some cannot. */
export function drawUniverse(draw: Draw, names: number, { isMixed = false } = {}): readonly DrawnPackage[] {
  const all = Array.from({ length: names }, (_, index) => `pkg${String.fromCharCode(97 + (index % 26))}${index}`);
  const version = (): string => `${draw.chance(0.1) ? '1:' : ''}${draw.pick(VERSIONS)}${draw.chance(0.5) ? `-${draw.pick(RELEASES)}` : ''}`;
  const simple = (): string => {
    if (draw.chance(0.08)) return draw.pick(FILES);
    const name = draw.chance(0.3) ? draw.pick(VIRTUALS) : draw.chance(0.02) ? 'nowhere' : draw.pick(all);
    return draw.chance(0.2) ? `${name} ${draw.pick(SIGNS)} ${version()}` : name;
  };
  const rich = (): string => {
    const part = (): string => (draw.chance(0.15) ? `(${simple()} ${draw.pick(['and', 'or'])} ${simple()})` : simple());
    const word = draw.pick(['and', 'or', 'or', 'if', 'if', 'with', 'without', 'else']);
    if (word === 'else') return `(${part()} if ${part()} else ${part()})`;
    if (word === 'with' || word === 'without') {
      const name = draw.pick([...VIRTUALS, ...all]);
      return `(${name} ${draw.pick(['>=', '>'])} ${draw.pick(VERSIONS)} ${word} ${name} ${draw.pick(['<', '='])} ${draw.pick(VERSIONS)})`;
    }
    return `(${part()} ${word} ${part()})`;
  };
  const some = (share: number, most: number, make: () => string): readonly string[] =>
    draw.chance(share) ? Array.from({ length: 1 + draw.below(most) }, make) : [];
  const packages: DrawnPackage[] = [];
  for (const name of all) {
    const versions = draw.chance(0.3) ? 1 + draw.below(3) : 1;
    const seen = new Set<string>();
    for (let count = 0; count < versions; count += 1) {
      const [own, release] = [draw.pick(VERSIONS), draw.pick(RELEASES)];
      if (seen.has(`${own}-${release}`)) continue;
      seen.add(`${own}-${release}`);
      packages.push({
        name,
        epoch: draw.chance(0.1) ? 1 : 0,
        version: own,
        release,
        architecture: draw.pick(['x86_64', 'x86_64', 'x86_64', 'noarch']),
        files: some(0.25, 2, () => draw.pick(FILES)),
        relations: {
          provides: some(0.4, 2, () => (draw.chance(0.5) ? draw.pick(VIRTUALS) : `${draw.pick(VIRTUALS)} = ${version()}`)),
          requires: some(0.7, 3, () => (draw.chance(0.2) ? rich() : simple())),
          conflicts: some(0.08, 1, () => (draw.chance(0.2) ? `(${draw.pick(all)} unless ${draw.pick(all)})` : simple())),
          obsoletes: some(0.08, 1, () => `${draw.pick(all)} < ${draw.pick(VERSIONS)}`),
          recommends: some(0.15, 2, () => (draw.chance(0.15) ? rich() : simple())),
          suggests: some(0.1, 1, simple),
          supplements: some(0.06, 1, () => (draw.chance(0.3) ? `(${draw.pick(all)} and ${draw.pick(all)})` : draw.pick(all))),
          enhances: some(0.06, 1, () => draw.pick(all)),
        },
      });
    }
  }
  return isMixed ? mixed(draw, packages) : packages;
}

/** The packages with some that are installed beside other versions of themselves, and some for the smaller architecture, too. */
function mixed(draw: Draw, packages: readonly DrawnPackage[]): readonly DrawnPackage[] {
  const sideBySide = new Set(packages.filter(() => draw.chance(0.15)).map(({ name }) => name));
  return packages.flatMap((item) => {
    const provides = [...(item.relations.provides ?? []), ...(sideBySide.has(item.name) ? ['installonlypkg(kernel)'] : [])];
    const own = { ...item, relations: { ...item.relations, provides } };
    if (item.architecture === 'noarch' || !draw.chance(0.35)) return [own];
    const only = draw.chance(0.2) ? ['lib(32)'] : [];
    return [own, { ...own, architecture: 'i686', relations: { ...own.relations, provides: [...provides, ...only] } }];
  });
}

const FLAGS: Readonly<Record<string, VersionOperator>> = { '=': 'EQ', '>=': 'GE', '<=': 'LE', '<': 'LT', '>': 'GT' };

/** The `package` element of primary.xml, as createrepo_c writes it. */
export function primaryElement(item: DrawnPackage, { digest = '0'.repeat(64), size = 1 } = {}): string {
  const { name, epoch, version, release, architecture, relations } = item;
  const own = `${name} = ${epoch === 0 ? '' : `${epoch}:`}${version}-${release}`;
  const groups = Object.entries({ ...relations, provides: [...(relations.provides ?? []), own] }).flatMap(([kind, list]) =>
    list.length === 0 ? [] : [`<rpm:${kind}>${list.map(entry).join('')}</rpm:${kind}>`],
  );
  const files = item.files.filter(isInPrimary).map((file) => `<file>${file}</file>`);
  return [
    `<package type="rpm"><name>${name}</name><arch>${architecture}</arch>`,
    `<version epoch="${epoch}" ver="${version}" rel="${release}"/>`,
    `<checksum type="sha256" pkgid="YES">${digest}</checksum>`,
    `<summary>${name}</summary><description>${name}</description><packager/><url/>`,
    `<time file="1767323045" build="1767323045"/><size package="${size}" installed="1" archive="1"/>`,
    `<location href="${fileName(item)}"/>`,
    `<format><rpm:license>MIT</rpm:license><rpm:vendor>Vendor</rpm:vendor><rpm:group>Unspecified</rpm:group><rpm:buildhost>localhost</rpm:buildhost>`,
    `<rpm:sourcerpm>${name}-${version}-${release}.src.rpm</rpm:sourcerpm>${groups.join('')}${files.join('')}</format></package>`,
  ].join('\n');
}

export function fileName({ name, version, release, architecture }: DrawnPackage): string {
  return `Packages/${name}-${version}-${release}.${architecture}.rpm`;
}

/** The element of filelists.xml. */
export function filelistsElement(item: DrawnPackage, digest = '0'.repeat(64)): string {
  const { name, epoch, version, release, architecture, files } = item;
  return `<package pkgid="${digest}" name="${name}" arch="${architecture}"><version epoch="${epoch}" ver="${version}" rel="${release}"/>${files.map((file) => `<file>${file}</file>`).join('')}</package>`;
}

function isInPrimary(file: string): boolean {
  return file.startsWith('/etc/') || file.includes('bin/');
}

function entry(relation: Relation): string {
  const parts = relation.startsWith('(') ? [relation] : relation.split(' ');
  const [name = '', sign = '', text = ''] = parts;
  if (sign === '') return `<rpm:entry name="${escaped(name)}"/>`;
  const [, epoch = '0', version = '', release] = /^(?:(\d+):)?([^-]+)(?:-(.+))?$/.exec(text) ?? [];
  const last = release === undefined ? '' : ` rel="${release}"`;
  return `<rpm:entry name="${escaped(name)}" flags="${FLAGS[sign]}" epoch="${epoch}" ver="${version}"${last}/>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
