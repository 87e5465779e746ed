import { CaissonError, errnoOf, messageOf } from '../core/index.ts';

/** Reason to abort a run when standard output or standard error cannot be written any more. */
export class OutputLostError extends CaissonError {
  constructor(cause: unknown) {
    super('OUTPUT_LOST', `Cannot print: ${messageOf(cause)}`, {
      cause,
      hint: 'Send the output to a file on a disk that has room, or to a program that reads it to its end',
    });
  }

  /** True when the reader has closed the pipe, as head and less do. Such an end is not reported as a failure. */
  get isClosedPipe(): boolean {
    return errnoOf(this.cause) === 'EPIPE';
  }
}
