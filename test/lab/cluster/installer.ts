import * as z from 'zod';
import type { RunResult } from '../run.ts';
import { INSTALL } from '../scenario.ts';
import type { Site } from './site.ts';

const line = z.looseObject({ type: z.string() });

/** What the command said with --json: events, then one result or error. */
export type SaidLine = Readonly<z.infer<typeof line>>;

const result = z.object({ type: z.literal('result'), steps: z.int(), changed: z.int(), seconds: z.number() });
const plan = z.object({
  type: z.literal('result'),
  open: z.int(),
  steps: z.array(z.object({ id: z.string(), type: z.string() })),
  consequences: z.array(z.object({ host: z.string(), component: z.string(), what: z.string() })),
});
const finished = z.object({ type: z.literal('step.finished'), step: z.string(), outcome: z.enum(['done', 'already', 'failed']) });

export interface InstallReport {
  readonly status: number;
  readonly stderr: string;
  readonly lines: readonly SaidLine[];
  /** Ids of the steps that ended, with their outcomes, in the order of their ends. */
  readonly finished: readonly (readonly [string, string])[];
  /** The numbers of the result; undefined when the install did not get that far. */
  readonly result: { readonly steps: number; readonly changed: number } | undefined;
  readonly seconds: number;
}

export function parseLines(output: string): readonly SaidLine[] {
  return output
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .map((text) => line.parse(JSON.parse(text)));
}

export function reportOf({ status, stdout, stderr }: RunResult, seconds: number): InstallReport {
  const lines = parseLines(stdout);
  return {
    status,
    stderr,
    lines,
    finished: lines.flatMap((said) => {
      const end = finished.safeParse(said);
      return end.success ? [[end.data.step, end.data.outcome] as const] : [];
    }),
    result: lines.map((said) => result.safeParse(said).data).find((found) => found !== undefined),
    seconds,
  };
}

/** Runs the whole install on the seed, without questions. */
export async function runInstall(site: Site, words: readonly string[] = INSTALL): Promise<InstallReport> {
  const started = performance.now();
  const ran = await site.caisson('--json', ...words, '--yes');
  return reportOf(ran, (performance.now() - started) / 1000);
}

export interface PlannedSteps {
  /** All steps, in their order. */
  readonly ids: readonly string[];
  /** Those that would change something. */
  readonly open: readonly string[];
  /** COMPONENT on HOST restarts, or is removed. */
  readonly consequences: readonly string[];
}

/** What `install --plan` lists. Throws when it fails. */
export async function planSteps(site: Site, words: readonly string[] = INSTALL): Promise<PlannedSteps> {
  const ran = await site.caisson('--json', ...words, '--plan');
  if (ran.status !== 0) throw new Error(`install --plan ended with status ${ran.status}: ${ran.stderr}`);
  const listed = plan.parse(parseLines(ran.stdout).at(-1));
  const open = listed.steps.filter(({ type }) => ['make', 'remove', 'action', 'record'].includes(type)).map(({ id }) => id);
  if (listed.open !== open.length) throw new Error(`install --plan counts ${listed.open} open steps and lists ${open.length}`);
  return {
    ids: listed.steps.map(({ id }) => id),
    open,
    consequences: listed.consequences.map(({ host, component, what }) => `${component} on ${host} ${what}`),
  };
}
