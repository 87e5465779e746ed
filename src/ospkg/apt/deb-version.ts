/** How a relation compares versions (deb-control(5), deb-version(7)). */
export type VersionOperator = '<<' | '<=' | '=' | '>=' | '>>';

/** A condition on a version, as in `libc6 (>= 2.36)`. */
export interface VersionConstraint {
  readonly operator: VersionOperator;
  readonly version: string;
}

/** A colon further on is allowed only behind an epoch. */
const VERSION = /^(?:\d+:[0-9A-Za-z.+~:-]+|[0-9A-Za-z.+~-]+)$/;

/** True for text with the shape of a Debian version (policy 5.6.12), short enough to be one. */
export function isDebVersion(text: string): boolean {
  return text.length <= 255 && VERSION.test(text);
}

/**
 * Orders versions as dpkg does (deb-version(7)): negative when `a` is older, zero when equal (which different texts can
 * be: "1.0" and "1.0-0"), positive when newer. Never throws.
 */
export function compareDebVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = splitVersion(a);
  const right = splitVersion(b);
  return (
    compareDigits(left.epoch, right.epoch) || compareParts(left.upstream, right.upstream) || compareParts(left.revision, right.revision)
  );
}

export function satisfiesVersion(version: string, constraint: VersionConstraint): boolean {
  const order = compareDebVersions(version, constraint.version);
  switch (constraint.operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

/** The version without its epoch, as file names have it. */
export function withoutEpoch(version: string): string {
  const colon = version.indexOf(':');
  return colon < 0 ? version : version.slice(colon + 1);
}

function splitVersion(version: string): { epoch: string; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '' : version.slice(0, colon),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Runs of non-digits and of digits take turns, the first being of non-digits and possibly empty. */
function compareParts(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = weightAt(a, i) - weightAt(b, j);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const endOfA = endOfDigits(a, i);
    const endOfB = endOfDigits(b, j);
    const order = compareDigits(a.slice(i, endOfA), b.slice(j, endOfB));
    if (order !== 0) return order;
    i = endOfA;
    j = endOfB;
  }
  return 0;
}

/** By length first, because dates of twenty digits do not fit a number. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}

/** Tilde sorts before the end, the end before letters, letters before everything else. A digit ends the run. */
function weightAt(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0;
  const code = text.charCodeAt(index);
  if (code === 0x7e) return -1;
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isLetter ? code : code + 256;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text, end)) end++;
  return end;
}
