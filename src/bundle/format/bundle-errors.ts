import { CaissonError } from '../../core/index.ts';

/** One fault and the member that has it. */
export interface Finding {
  /** Path of the member as the bundle names it, or the bundle itself as `(bundle)`. */
  readonly member: string;
  readonly reason: string;
  /** Names of the volumes in one of which the fault is; only of a bundle that lies in volumes. */
  readonly volumes?: readonly string[];
}

/** Findings that belong to no single member. */
export const WHOLE_BUNDLE = '(bundle)';

/** At most 1000 findings are listed in a message; `data` has all of them. */
const LISTED_LIMIT = 1000;

/** All mistakes in the input of a bundle, at once. */
export class BundlePlanError extends CaissonError {
  readonly problems: readonly Finding[];

  constructor(problems: readonly Finding[]) {
    super('BUNDLE_PLAN_INVALID', `Cannot plan the bundle:\n${listFindings(problems.slice(0, LISTED_LIMIT))}`);
    this.problems = problems;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { problems: this.problems };
  }
}

export function listFindings(findings: readonly Finding[]): string {
  return findings.map(({ member, reason, volumes }) => `  ${member}: ${reason}${placeOf(volumes)}`).join('\n');
}

function placeOf(volumes: readonly string[] | undefined): string {
  if (volumes === undefined) return '';
  if (volumes.length > 3) return ` (in one of the volumes ${volumes[0]} to ${volumes.at(-1)})`;
  return ` (in ${volumes.join(' or ')})`;
}
