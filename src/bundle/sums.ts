import { digestFromHex, type Digest } from '../core/index.ts';

export interface Sums {
  readonly digests: ReadonlyMap<string, Digest>;
  /** Lines that are not `<hex>  <path>`, or name a path twice. */
  readonly problems: readonly string[];
}

/** Reads SHA256SUMS as far as it can be read. */
export function parseSums(text: string): Sums {
  const digests = new Map<string, Digest>();
  const problems: string[] = [];
  const lines = text.split('\n');
  if (lines.pop() !== '') problems.push('its last line is not complete');
  for (const [index, line] of lines.entries()) {
    const [, hex, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (hex === undefined || path === undefined) problems.push(`line ${index + 1} is not a digest, two spaces and a path`);
    else if (digests.has(path)) problems.push(`line ${index + 1} lists "${path}" again`);
    else digests.set(path, digestFromHex(hex));
  }
  return { digests, problems };
}
