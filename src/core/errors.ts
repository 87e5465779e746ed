import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { redact } from './redact.ts';

export interface ErrorDetails {
  /** The next step for the user, ideally a command to paste. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The root of every error that a user can act on. The message starts with the action, quotes values, has no final
 * period; the next step is the hint. Secrets are redacted here, so that no path to a terminal or log can forget it.
 * A bug is a plain Error instead.
 */
export class CaissonError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(redact(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint === undefined ? undefined : redact(details.hint);
  }

  get exitStatus(): number {
    return ERROR_CODES[this.code].exit;
  }

  /** Plain data for programs, in addition to the message: every problem, finding or failure that the message lists. */
  get data(): Readonly<Record<string, unknown>> {
    return {};
  }
}

/** Bytes whose digest or size is not the expected one. `size` is the number of bytes seen. */
export class DigestMismatchError extends CaissonError {
  readonly expected: { readonly digest: string; readonly size?: number };
  readonly actual: { readonly digest: string; readonly size: number };

  constructor(
    what: string,
    expected: { readonly digest: string; readonly size?: number },
    actual: { readonly digest: string; readonly size: number },
    details: ErrorDetails = {},
  ) {
    const wanted = expected.size === undefined ? expected.digest : `${expected.digest} (${expected.size} bytes)`;
    super('DIGEST_MISMATCH', `Cannot accept ${what}: got ${actual.digest} (${actual.size} bytes), want ${wanted}`, details);
    this.expected = expected;
    this.actual = actual;
  }
}

/** One mistake in a document: its place, the reason, and the text to write instead. */
export interface InputProblem {
  /** 1-based line and column, when the document has positions. */
  readonly position?: { readonly line: number; readonly column: number };
  /** Path inside the document, such as nodes[1].address. */
  readonly path?: string;
  readonly reason: string;
  readonly remedy?: string;
}

/** Every mistake of one document at once, not the first. */
export class InvalidInputError extends CaissonError {
  readonly file: string;
  readonly problems: readonly InputProblem[];

  constructor(file: string, problems: readonly InputProblem[], details: ErrorDetails = {}) {
    super(
      'INPUT_INVALID',
      `Cannot use "${file}":\n${problems.map((problem) => `  ${describeProblem(file, problem)}`).join('\n')}`,
      details,
    );
    this.file = file;
    this.problems = problems;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { file: this.file, problems: this.problems };
  }
}

/** One line: FILE:LINE:COLUMN: PATH: REASON (REMEDY), without the parts that the problem does not have. */
export function describeProblem(file: string, problem: InputProblem): string {
  const place = problem.position === undefined ? file : `${file}:${problem.position.line}:${problem.position.column}`;
  const path = problem.path === undefined || problem.path === '' ? '' : ` ${problem.path}:`;
  const remedy = problem.remedy === undefined ? '' : ` (${problem.remedy})`;
  return `${place}:${path} ${problem.reason}${remedy}`;
}

/** True for a CaissonError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is CaissonError {
  return error instanceof CaissonError && error.code === code;
}

/** The message of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno code (ENOENT, ECONNRESET …) of a Node system error, else undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
