import { outputSections } from '../simulation-output.ts';

/** A package that would be unpacked; `before` is undefined for one that is new. */
export interface Incoming {
  readonly name: string;
  readonly version: string;
  readonly before: string | undefined;
}

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly maintainer: string;
  readonly isHeld: boolean;
  /** False for one whose installation or removal did not end. */
  readonly isWhole: boolean;
}

/** An installed package that would be removed, with its relations as control files have them. */
export interface Going {
  readonly name: string;
  readonly needs: string;
  readonly conflicts: string;
}

/** The answer of apt-get, and the installed packages that it concerns. */
export interface AptSimulation {
  readonly incoming: readonly Incoming[];
  /** Names of packages that it would remove. */
  readonly removed: readonly string[];
  /** Its reasons where it would refuse: relations that cannot be met, or else its errors. Empty where it would not. */
  readonly refusal: readonly string[];
  /** True where it would refuse because relations among the installed packages are not met. */
  readonly isBroken: boolean;
  readonly installed: ReadonlyMap<string, InstalledPackage>;
  readonly going: readonly Going[];
}

/** Parses the output of SIMULATION_SCRIPT. A line that is not known is left out. */
export function parseSimulation(output: string): AptSimulation {
  const sections = outputSections(output);
  const said = sections.filter(({ name }) => name === 'simulation' || name === 'failed').flatMap(({ lines }) => lines);
  const hasFailed = sections.some(({ name }) => name === 'failed');
  const linesOf = (name: string): readonly string[] => sections.filter((one) => one.name === name).flatMap(({ lines }) => lines);
  return {
    incoming: unique(said.flatMap(incomingOf), ({ name }) => name),
    removed: [...new Set(said.flatMap((line) => withoutArchitecture(/^Remv (\S+)/.exec(line)?.[1]) ?? []))],
    refusal: hasFailed ? reasonsOf(said) : [],
    isBroken: hasFailed && said.some((line) => line.includes('--fix-broken')),
    installed: new Map(linesOf('installed').flatMap(installedOf)),
    going: linesOf('going').map((line): Going => {
      const [name = '', needs = '', conflicts = ''] = line.split('\t');
      return { name, needs, conflicts };
    }),
  };
}

/** Characters of a line that are read. A relation with many alternatives is long. */
const LINE_LIMIT = 2000;

/** `Inst NAME [OLD] (NEW REPOSITORY [ARCHITECTURE])`, without the part in square brackets for a new package. */
function incomingOf(line: string): Incoming[] {
  const [, name, before, version] = /^Inst (\S+) (?:\[(\S+)\] )?\((\S+) /.exec(line) ?? [];
  return name === undefined || version === undefined ? [] : [{ name: withoutArchitecture(name) ?? name, version, before }];
}

function installedOf(line: string): [string, InstalledPackage][] {
  const [want, status = '', name, version, maintainer = ''] = line.split('\t');
  if (name === undefined || version === undefined || status === 'not-installed' || status === 'config-files') return [];
  return [[name, { name, version, maintainer, isHeld: want === 'hold', isWhole: status === 'installed' }]];
}

/**
 * Lines under "unmet dependencies" are ` NAME : Depends: …`, and further ones of the same package are indented. Without them,
 * the errors of apt-get are the reasons.
 */
function reasonsOf(said: readonly string[]): readonly string[] {
  const start = said.findIndex((line) => /have unmet dependencies/.test(line));
  const block = start === -1 ? [] : said.slice(start + 1);
  const end = block.findIndex((line) => !line.startsWith(' '));
  const unmet = (end === -1 ? block : block.slice(0, end)).map((line) => line.slice(0, LINE_LIMIT).trim().replaceAll(/\s+/g, ' '));
  const errors = said.flatMap((line) => /^E: (.*)/.exec(line)?.[1] ?? []);
  return unmet.length > 0 ? unmet : errors.length > 0 ? errors : ['apt-get gave no reason'];
}

function withoutArchitecture(name: string | undefined): string | undefined {
  return name?.replace(/:.*$/, '');
}

function unique<T>(values: readonly T[], keyOf: (value: T) => string): readonly T[] {
  return [...new Map(values.map((value): [string, T] => [keyOf(value), value])).values()];
}
