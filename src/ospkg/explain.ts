import { CaissonError, type ErrorDetails } from '../core/index.ts';

/** One reason for a "no", with the reasons behind it. */
export interface Reason {
  readonly text: string;
  readonly because: readonly Reason[];
  /** A remedy, as a sentence without its full stop. */
  readonly help?: string;
}

/** A package set with the roles and components that ask for it. */
export interface AskedSet {
  readonly set: string;
  readonly askedBy?: readonly string[];
}

/** A package of a set that cannot be installed, and why. */
export interface Disqualification extends AskedSet {
  readonly package: string;
  readonly reasons: readonly Reason[];
  /** Other sets of the same hosts, when each set could be installed without the others. */
  readonly beside?: readonly AskedSet[];
}

/** Sentences of help that are printed for one package. */
const HELP_LIMIT = 5;

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

export function reason(text: string, because: readonly Reason[] = [], help?: string): Reason {
  return { text, because, ...(help === undefined ? {} : { help }) };
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
  const parts = disqualifications.map((item) => {
    const beside = (item.beside ?? []).map((other) => `, on hosts that get ${formatSet(other)} too`).join('');
    const lines = [`  "${item.package}" of ${formatSet(item)}${beside}:`, formatReasons(item.reasons, '    ')];
    const help = [...helpIn(item.reasons, new Set())].slice(0, HELP_LIMIT).map((sentence) => `    would help: ${sentence}`);
    return [...lines, ...help].join('\n');
  });
  return `Cannot choose packages:\n${parts.join('\n')}`;
}

/** `package set "tools" (for role "node")`. */
export function formatSet({ set, askedBy = [] }: AskedSet): string {
  return `package set "${set}"${askedBy.length === 0 ? '' : ` (for ${askedBy.join(', ')})`}`;
}

function helpIn(reasons: readonly Reason[], seen: Set<Reason>): Set<string> {
  const found = new Set<string>();
  for (const item of reasons) {
    if (seen.has(item)) continue;
    seen.add(item);
    if (item.help !== undefined) found.add(item.help);
    for (const sentence of helpIn(item.because, seen)) found.add(sentence);
  }
  return found;
}
