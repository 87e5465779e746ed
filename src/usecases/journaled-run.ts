import { randomBytes } from 'node:crypto';
import type { Clock, Emit } from '../core/index.ts';
import { openJournal, runSteps, type RunSummary, type Step } from '../engine/index.ts';
import type { RecordedBundle, SiteRecord } from '../site/index.ts';

interface JournaledOptions {
  readonly operation: string;
  readonly bundle: RecordedBundle;
  readonly record: SiteRecord;
  /** Path of the journal. */
  readonly journal: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs the steps of an operation that installs nothing. The run is in the journal and not among the operations of the record,
 * because the next install reads from the last of these which work an earlier run left. Throws what runSteps throws.
 */
export async function journaledRun(
  steps: readonly Step[],
  { operation, bundle, record, journal: path, clock, emit, signal }: JournaledOptions,
): Promise<RunSummary> {
  const journal = await openJournal(path, { clock, run: randomBytes(6).toString('hex') });
  try {
    await journal.append({ event: 'run.started', operation, bundle: bundle.digest, cluster: record.name, steps: steps.length });
    try {
      const summary = await runSteps(steps, { journal, clock, emit, signal });
      await journal.append({ event: 'run.finished', outcome: 'done', changed: summary.changed });
      return summary;
    } catch (error) {
      await journal.append({ event: 'run.finished', outcome: signal.aborted ? 'interrupted' : 'failed' });
      throw error;
    }
  } finally {
    await journal.close();
  }
}
