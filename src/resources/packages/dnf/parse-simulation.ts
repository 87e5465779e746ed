import { outputSections } from '../simulation-output.ts';

/** A package that a transaction brings. */
export interface Incoming {
  readonly name: string;
  /** As dnf writes it: without an epoch of 0. */
  readonly version: string;
}

export interface RpmSimulation {
  readonly installs: readonly Incoming[];
  readonly upgrades: readonly Incoming[];
  /** Packages of the host that would get an older version. */
  readonly downgrades: readonly Incoming[];
  /** Packages that would go. All are protected, so that only a tool that knows no protection would remove them. */
  readonly removals: readonly string[];
  /** Lines in which the tool says why it refuses; empty where it does not. */
  readonly refusal: readonly string[];
  /** Packages of the host: version with its epoch, and vendor. */
  readonly installed: ReadonlyMap<string, { readonly version: string; readonly vendor: string }>;
}

/** Characters of a line that are read. */
const LINE_LIMIT = 2000;
const REASONS_LIMIT = 50;

/** Reads the output of RPM_SIMULATION_SCRIPT. Never throws: lines that mean nothing are passed over. */
export function parseSimulation(output: string): RpmSimulation {
  const sections = outputSections(output);
  const tables = sections.filter(({ name }) => name === 'simulation').map(({ lines }) => tableOf(lines));
  const listed = (pattern: RegExp): readonly Incoming[] =>
    unique(tables.flatMap((table) => [...table].flatMap(([title, rows]) => (pattern.test(title) ? rows : []))));
  const said = sections.filter(({ name }) => name === 'simulation').flatMap(({ lines }) => lines);
  const hasFailed = sections.some(({ name }) => name === 'failed');
  return {
    installs: listed(/^Installing/),
    upgrades: listed(/^(?:Upgrading|Updating)/),
    downgrades: listed(/^Downgrading/),
    removals: listed(/^(?:Removing|Erasing)/).map(({ name }) => name),
    refusal: hasFailed ? reasonsOf(said) : [],
    installed: new Map(sections.filter(({ name }) => name === 'installed').flatMap(({ lines }) => lines.flatMap(installedOf))),
  };
}

/**
 * The rows of the table before the summary, by the title above them. A row is ` NAME ARCHITECTURE VERSION REPOSITORY SIZE`; a name that
 * is too long for its column stands in a line of its own.
 */
function tableOf(lines: readonly string[]): ReadonlyMap<string, readonly Incoming[]> {
  const table = new Map<string, Incoming[]>();
  let rows: Incoming[] | undefined;
  let alone = '';
  for (const whole of lines) {
    const line = whole.slice(0, LINE_LIMIT);
    if (/^Transaction Summary/.test(line)) break;
    const title = /^([A-Z][A-Za-z ]+):$/.exec(line)?.[1];
    if (title !== undefined) {
      rows = table.get(title) ?? [];
      table.set(title, rows);
      alone = '';
      continue;
    }
    const words = `${alone} ${line}`.trim().split(/\s+/);
    const [name = '', , version] = words;
    if (rows === undefined || !line.startsWith(' ') || name === 'replacing') continue;
    if (version === undefined) alone = name;
    else rows.push({ name, version });
    if (version !== undefined) alone = '';
  }
  return table;
}

/** dnf says "no" to itself after its table, and that is no refusal. */
function reasonsOf(said: readonly string[]): readonly string[] {
  if (said.some((line) => /^Transaction Summary/.test(line))) return [];
  const start = said.findIndex((line) => /^(?:Error|Problem|No match)/.test(line));
  const lines = (start < 0 ? said.slice(-5) : said.slice(start))
    .filter((line) => !/^\(try to add|^You could try/.test(line))
    .map((line) => line.slice(0, LINE_LIMIT));
  const reasons = lines.map((line) => line.replace(/^Error:\s*/, '').trim()).filter((line) => line !== '');
  return reasons.length === 0 ? ['the tool gave no reason'] : reasons.slice(0, REASONS_LIMIT);
}

function installedOf(line: string): [string, { readonly version: string; readonly vendor: string }][] {
  const [name, version, vendor = ''] = line.split('\t');
  return name === undefined || version === undefined || name === 'gpg-pubkey' ? [] : [[name, { version, vendor }]];
}

function unique(packages: readonly Incoming[]): readonly Incoming[] {
  return [...new Map(packages.map((one): [string, Incoming] => [one.name, one])).values()];
}
