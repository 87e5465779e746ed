import { CaissonError, errnoOf, messageOf } from '../core/index.ts';

/** Why a run is aborted when what it prints cannot be written any more. */
export class OutputLostError extends CaissonError {
  constructor(cause: unknown) {
    super('OUTPUT_LOST', `Cannot print: ${messageOf(cause)}`, {
      cause,
      hint: 'Send the output to a file on a disk that has room, or to a program that reads it to its end',
    });
  }

  /** The reader has seen enough (head, less): the end of the run, but no mistake. */
  get isClosedPipe(): boolean {
    return errnoOf(this.cause) === 'EPIPE';
  }
}
