import { CaissonError } from '../../core/index.ts';
import { isDebVersion, type VersionConstraint, type VersionOperator } from './deb-version.ts';

/** One alternative of a relation: a package name, which versions of it, and of which architecture. */
export interface Requirement {
  readonly name: string;
  /** `any`, `native` or the name of an architecture, when the relation says `name:qualifier`. */
  readonly qualifier?: string;
  readonly constraint?: VersionConstraint;
}

/** Alternatives: one of them is enough. */
export type RequirementGroup = readonly Requirement[];

const ALTERNATIVE =
  /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([a-z0-9][a-z0-9-]*))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s()]+)\s*\))?\s*(?:\[([^\]]*)\])?\s*((?:<[^<>]*>\s*)*)$/;

/** Obsolete spellings that dpkg still reads as "or equal" (deb-control(5)). */
const OPERATORS: Readonly<Record<string, VersionOperator>> = {
  '<<': '<<',
  '<=': '<=',
  '<': '<=',
  '=': '=',
  '>=': '>=',
  '>': '>=',
  '>>': '>>',
};

/**
 * Reads a relation field such as Depends (policy 7.1): groups separated by commas, alternatives by bars. Alternatives
 * restricted to other architectures are left out, and so are groups that become empty. Build profiles are ignored.
 * Throws REPOSITORY_INVALID, naming `what`, when an alternative cannot be read.
 */
export function parseRelations(text: string, architecture: string, what: string): RequirementGroup[] {
  const groups: RequirementGroup[] = [];
  // One blank for any run of them: keeps the pattern's work linear in hostile input.
  for (const part of text.replace(/\s+/g, ' ').split(',')) {
    if (part.trim() === '') continue;
    const group = part
      .split('|')
      .map((alternative) => parseAlternative(alternative.trim(), architecture, what))
      .filter((requirement) => requirement !== undefined);
    if (group.length > 0) groups.push(group);
  }
  return groups;
}

/** The relation as a control file writes it: `name:any (>= 1.0)`. */
export function formatRequirement(requirement: Requirement): string {
  const { name, qualifier, constraint } = requirement;
  const version = constraint === undefined ? '' : ` (${constraint.operator} ${constraint.version})`;
  return `${name}${qualifier === undefined ? '' : `:${qualifier}`}${version}`;
}

export function formatGroup(group: RequirementGroup): string {
  return group.map(formatRequirement).join(' | ');
}

function parseAlternative(text: string, architecture: string, what: string): Requirement | undefined {
  const [, name, qualifier, sign = '', version, restriction] = ALTERNATIVE.exec(text) ?? [];
  const operator = OPERATORS[sign];
  if (name === undefined || (version !== undefined && !isDebVersion(version))) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot read a relation of "${what}": "${text.slice(0, 120)}" is not one`);
  }
  if (restriction !== undefined && !matchesRestriction(restriction, architecture)) return undefined;
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(version === undefined || operator === undefined ? {} : { constraint: { operator, version } }),
  };
}

/** A list of architectures, or of excluded ones when the first has a bang (policy 7.1, 11.1). */
function matchesRestriction(restriction: string, architecture: string): boolean {
  const names = restriction.split(/\s+/).filter((name) => name !== '');
  const excluding = names[0]?.startsWith('!') ?? false;
  const matched = names.some((name) => matchesArchitecture(name.replace(/^!/, ''), architecture));
  return excluding ? !matched : matched;
}

function matchesArchitecture(pattern: string, architecture: string): boolean {
  return [architecture, 'any', 'linux-any', `any-${architecture}`].includes(pattern);
}
