/** A mutant as StrykerJS names it. */
export interface DrawnMutant {
  readonly id: string;
  readonly fileName: string;
  readonly location: unknown;
  readonly mutatorName: string;
  readonly replacement: string;
}

export function drawMutants<M extends DrawnMutant>(mutants: readonly M[], size: number, seed: string): readonly M[];
