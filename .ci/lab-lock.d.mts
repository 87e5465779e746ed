export const IN_USE_STATUS: number;

/** Who holds the lock; empty for a holder that does not answer. */
export interface LabHolder {
  /** What it runs: `npm run quickstart`. */
  readonly what?: string;
  readonly directory?: string;
  readonly pid?: number;
  readonly since?: string;
}

export class LabInUseError extends Error {}

export function takeLabLock(what: string): Promise<{ readonly release: () => Promise<void> }>;

export function labHolder(): Promise<LabHolder | undefined>;
