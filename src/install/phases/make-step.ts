import type { Step } from '../step.ts';

type StepParts = Pick<Step, 'summary' | 'isDone' | 'apply'> & { readonly needs?: readonly string[] };

export type StepFactory = (host: string, what: string, parts: StepParts) => Step;

/** Makes steps of one phase: ids are phase/host/what. */
export function stepsOf(phase: string): StepFactory {
  return (host, what, parts) => ({ needs: [], ...parts, id: `${phase}/${host}/${what}`, phase, host });
}
