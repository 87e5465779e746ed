import { CaissonError, type ErrorDetails } from '../core/index.ts';

/** One reason for a "no", with the reasons behind it. */
export interface Reason {
  readonly text: string;
  readonly because: readonly Reason[];
}

/** A package of a set that cannot be installed, and why. */
export interface Disqualification {
  readonly set: string;
  readonly package: string;
  readonly reasons: readonly Reason[];
}

/** Deepest level of reasons that is printed. */
const DEPTH_LIMIT = 40;

/** Every package of every set that cannot be installed, not the first. */
export class UnsolvableError extends CaissonError {
  readonly disqualifications: readonly Disqualification[];

  constructor(disqualifications: readonly Disqualification[], details: ErrorDetails = {}) {
    super('PACKAGE_UNSOLVABLE', describe(disqualifications), {
      hint: 'Correct the package set, or add the repository or suite that offers what is missing to the manifest',
      ...details,
    });
    this.disqualifications = disqualifications;
  }
}

export function reason(text: string, because: readonly Reason[] = []): Reason {
  return { text, because };
}

/** Reasons as lines, each level two blanks further in. A reason that was printed once is not printed again. */
export function formatReasons(reasons: readonly Reason[], indent = ''): string {
  const explained = new Set<readonly Reason[]>();
  const linesOf = (list: readonly Reason[], margin: string, depth: number): string[] =>
    list.flatMap(({ text, because }) => {
      const line = margin + text;
      if (because.length === 0) return [line];
      if (explained.has(because)) return [`${line} (see above)`];
      explained.add(because);
      const deeper = depth === DEPTH_LIMIT ? [`${margin}  …`] : linesOf(because, `${margin}  `, depth + 1);
      return [line, ...deeper];
    });
  return linesOf(reasons, indent, 1).join('\n');
}

function describe(disqualifications: readonly Disqualification[]): string {
  const parts = disqualifications.map(
    ({ set, package: name, reasons }) => `  "${name}" of package set "${set}":\n${formatReasons(reasons, '    ')}`,
  );
  return `Cannot choose packages:\n${parts.join('\n')}`;
}
