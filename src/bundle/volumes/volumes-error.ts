import { CaissonError } from '../../core/index.ts';

/** One fault of one volume. */
export interface VolumeProblem {
  /** Its path; where it should be, when it is missing. */
  readonly volume: string;
  readonly reason: string;
}

/** Volumes that are not all there, or do not belong together: everything that is wrong with them. */
export class VolumesError extends CaissonError {
  readonly problems: readonly VolumeProblem[];

  constructor(whole: string, problems: readonly VolumeProblem[], cause?: unknown) {
    const lines = problems.map(({ volume, reason }) => `  ${volume}: ${reason}`);
    super('VOLUMES_UNFIT', `Cannot join the volumes of "${whole}":\n${lines.join('\n')}`, {
      hint: 'Copy these volumes again from where the bundle was built; when they lie in several directories, name one of each',
      ...(cause === undefined ? {} : { cause }),
    });
    this.problems = problems;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { problems: this.problems };
  }
}
