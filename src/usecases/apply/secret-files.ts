import { ensureDirectory, runChecked, type CommandResult, type Host } from '../../host/index.ts';
import type { SecretChange } from '../../site/index.ts';

/** Paths of the files with the two values of a secret, in a directory of their own. */
export function secretFiles(directory: string): { readonly old: string; readonly new: string } {
  return { old: `${directory}/old`, new: `${directory}/new` };
}

/**
 * Runs `work` while the two values of a secret lie in files on the host, which only root can read. The files are gone
 * afterwards, also those that a killed run left there; a boot removes them, too. Values that `work` printed are replaced
 * by `***`. Without a change, `work` runs alone.
 */
export async function withSecretFiles<T extends CommandResult>(
  host: Host,
  directory: string,
  change: SecretChange | undefined,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (change === undefined) return work();
  const remove = () => runChecked(host, { argv: ['rm', '-rf', '--', directory] });
  const paths = secretFiles(directory);
  try {
    await ensureDirectory(host, directory, { mode: 0o700, signal });
    for (const which of ['old', 'new'] as const) await host.upload(change[which], paths[which], { mode: 0o600, onlyWriter: true, signal });
    const result = await work();
    await remove();
    return { ...result, stdout: withoutValues(result.stdout, change), stderr: withoutValues(result.stderr, change) };
  } catch (error) {
    // The first error is the one to report. What stays on the host is removed by the next run.
    await remove().catch(() => undefined);
    throw error;
  }
}

function withoutValues(text: string, change: SecretChange): string {
  return text.replaceAll(change.old, '***').replaceAll(change.new, '***');
}
