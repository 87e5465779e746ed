import { CaissonError, redact } from '../core/index.ts';
import { escapeControl } from './escape.ts';

const REPORT_BUG = 'This is a bug in Caisson: please report it with the lines above';

/** The output of a failed command: message and remedy; for a bug (or with debug) the stack as well. */
export function reportError(error: unknown, options: { readonly debug: boolean }): string {
  if (error instanceof CaissonError) {
    const lines = [`Error ${error.code}: ${error.message}`];
    if (error.hint !== undefined) lines.push(`  ${error.hint}`);
    if (options.debug) lines.push(redact(stackWithCauses(error)));
    return escapeControl(`${lines.join('\n')}\n`);
  }
  return escapeControl(`${redact(stackWithCauses(error))}\n${REPORT_BUG}\n`);
}

function stackWithCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackWithCauses(error.cause)}`;
}
