/**
 * A message of long work while it runs. Only `ui` turns events into text; `--json` prints them as they are, one a line.
 * `id` names one piece of work from `started` to `finished`; sizes are bytes.
 */
export type Event =
  | {
      readonly type: 'task.started';
      readonly id: string;
      readonly title: string;
      readonly total?: number;
      readonly unit?: 'bytes' | 'items';
    }
  | {
      readonly type: 'task.progress';
      readonly id: string;
      readonly done: number;
      readonly total?: number;
      /** The part that is worked on now, such as the path of a member. */
      readonly item?: string;
    }
  | { readonly type: 'task.finished'; readonly id: string; readonly title: string; readonly summary?: string; readonly ms: number }
  | { readonly type: 'step.started'; readonly phase: string; readonly host: string; readonly step: string; readonly summary: string }
  | {
      readonly type: 'step.finished';
      readonly phase: string;
      readonly host: string;
      readonly step: string;
      readonly summary: string;
      readonly outcome: 'done' | 'already' | 'failed';
      readonly ms: number;
      readonly reason?: string;
    }
  | { readonly type: 'retry'; readonly what: string; readonly reason: string; readonly attempt: number; readonly delayMs: number }
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string }
  | { readonly type: 'note'; readonly message: string };

export type Emit = (event: Event) => void;

/** For callers that do not listen. */
export const silent: Emit = () => {};
