import { digestFromHex, type Digest } from '../../core/index.ts';

export interface Sums {
  readonly digests: ReadonlyMap<string, Digest>;
  /** Lines that are not `<hex>  <path>`, or name a path twice. */
  readonly problems: readonly string[];
}

/** Most problems that are kept: a hostile file could hold millions. */
const PROBLEM_LIMIT = 1000;

/** Reads SHA256SUMS as far as it can be read: up to its end, or to the thousandth problem. */
export function parseSums(text: string): Sums {
  const digests = new Map<string, Digest>();
  const problems: string[] = [];
  let start = 0;
  for (let number = 1; start < text.length; number += 1) {
    if (problems.length >= PROBLEM_LIMIT) {
      problems.push(`from line ${number} on it was not read: it has ${PROBLEM_LIMIT} faulty lines before`);
      break;
    }
    const end = text.indexOf('\n', start);
    if (end === -1) {
      problems.push('its last line is not complete');
      break;
    }
    const [, hex, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(text.slice(start, end)) ?? [];
    if (hex === undefined || path === undefined) problems.push(`line ${number} is not a digest, two spaces and a path`);
    else if (digests.has(path)) problems.push(`line ${number} lists "${path}" again`);
    else digests.set(path, digestFromHex(hex));
    start = end + 1;
  }
  return { digests, problems };
}
