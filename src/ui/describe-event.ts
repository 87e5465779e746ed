import { formatDuration, formatSize, type Event } from '../core/index.ts';

/** The line of text that an event is for people, or undefined for events that are only for displays. */
export function describeEvent(event: Event): string | undefined {
  switch (event.type) {
    case 'task.started':
      return event.total === undefined ? event.title : `${event.title} (${formatAmount(event.total, event.unit)})`;
    case 'task.progress':
      return undefined;
    case 'task.finished':
      return `${event.title}: ${event.summary ?? 'done'} in ${formatDuration(event.ms)}`;
    case 'step.started':
      return `${event.host}  ${event.summary} …`;
    case 'step.finished':
      return describeStep(event);
    case 'retry':
      return `Retrying ${event.what} in ${formatDuration(event.delayMs)} (attempt ${event.attempt}): ${event.reason}`;
    case 'warning':
      return event.hint === undefined ? `Warning: ${event.message}` : `Warning: ${event.message} (${event.hint})`;
    case 'note':
      return event.message;
  }
}

export function formatAmount(amount: number, unit: 'bytes' | 'items' | undefined): string {
  return unit === 'items' ? String(amount) : formatSize(amount);
}

function describeStep(event: Extract<Event, { type: 'step.finished' }>): string {
  switch (event.outcome) {
    case 'done':
      return `${event.host}  ${event.summary}: done in ${formatDuration(event.ms)}`;
    case 'already':
      return `${event.host}  ${event.summary}: already so`;
    case 'failed':
      return `${event.host}  ${event.summary}: FAILED${event.reason === undefined ? '' : `: ${event.reason.replaceAll('\n', '\n    ')}`}`;
  }
}
