import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** What promtool, the checker of Prometheus, said of its input, and its exit status. */
export interface Verdict {
  readonly status: number | null;
  readonly said: string;
}

/** Runs promtool. `input` is its standard input. */
export async function promtool(words: readonly string[], input = ''): Promise<Verdict> {
  const child = spawn('promtool', words, { stdio: 'pipe' });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', reject);
  });
  const [out, err, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, said: `${out}${err}` };
}
