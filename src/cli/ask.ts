import { CaissonError } from '../core/index.ts';
import type { CommandContext } from './command.ts';

/** A question before the first change. */
export interface Question {
  readonly text: string;
  /** Lines that are shown with the question. */
  readonly about: readonly string[];
  /** Message and hint of the error where there is no terminal to ask on. */
  readonly refusal: { readonly message: string; readonly hint: string };
}

/** Shows the lines of a question and asks it; with `yes` it only shows them. Throws USAGE when there is no terminal to ask on. */
export async function ask({ text, about, refusal }: Question, yes: boolean, context: CommandContext): Promise<boolean> {
  if (yes) {
    for (const message of about) context.emit({ type: 'note', message });
    return true;
  }
  const answer = await context.confirm(text, about);
  if (answer !== undefined) return answer;
  throw new CaissonError('USAGE', refusal.message, { hint: refusal.hint });
}
