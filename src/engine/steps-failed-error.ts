import { CaissonError, messageOf } from '../core/index.ts';
import type { Step } from './step.ts';

export interface StepFailure {
  readonly step: Step;
  readonly error: unknown;
  /** Steps that were undone because this one failed. */
  readonly takenBack: readonly Step[];
}

/** Thrown at the end of a run with every step that failed. Steps that needed a failed one were not tried. */
export class StepsFailedError extends CaissonError {
  readonly failures: readonly StepFailure[];

  constructor(failures: readonly StepFailure[], skipped: number) {
    const rest = skipped === 0 ? '' : `\n  ${skipped} later steps were not tried`;
    const count = failures.length === 1 ? '1 of its steps' : `${failures.length} of its steps`;
    super('INSTALL_FAILED', `Cannot finish the run: ${count} failed\n${failures.map(describeFailure).join('\n')}${rest}`, {
      hint: 'Remedy what is named above and run the same command again: what is done stays done',
      cause: failures[0]?.error,
    });
    this.failures = failures;
  }

  /**
   * The exit status that all failures share, such as 4 when every failed step found a damaged bundle; otherwise the
   * status of INSTALL_FAILED.
   */
  override get exitStatus(): number {
    const [status, ...others] = new Set(this.failures.map(({ error }) => (error instanceof CaissonError ? error.exitStatus : undefined)));
    return status === undefined || others.length > 0 ? super.exitStatus : status;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return {
      failures: this.failures.map(({ step, error, takenBack }) => ({
        step: step.id,
        host: step.host,
        reason: messageOf(error),
        takenBack: takenBack.map(({ id }) => id),
      })),
    };
  }
}

function describeFailure({ step, error, takenBack }: StepFailure): string {
  const hint = error instanceof CaissonError && error.hint !== undefined ? `\n    ${error.hint}` : '';
  const undone = takenBack.length === 0 ? '' : `\n    Taken back: ${takenBack.map(({ summary }) => summary).join(', ')}`;
  // Messages of commands have the lines of the command in them.
  const reason = messageOf(error).trimEnd().replaceAll('\n', '\n    ');
  return `  ${step.host}: ${step.summary}: ${reason}${hint}${undone}`;
}
