/** The parts of a version of an rpm package: `1:2.0-3.el9` is epoch 1, version 2.0, release 3.el9. */
export interface RpmVersion {
  /** Decimal digits; 0 where the text has none. */
  readonly epoch: string;
  readonly version: string;
  /** Undefined where the text has none, which stands for any release in a dependency. */
  readonly release: string | undefined;
}

/** Reads a version. A text without a colon behind digits has no epoch. Never throws. */
export function splitRpmVersion(text: string): RpmVersion {
  const [, epoch = ''] = /^(\d*):/.exec(text) ?? [];
  const rest = /^\d*:/.test(text) ? text.slice(text.indexOf(':') + 1) : text;
  const dash = rest.lastIndexOf('-');
  return {
    epoch: epoch === '' ? '0' : epoch,
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? undefined : rest.slice(dash + 1),
  };
}

/** The version as rpm prints it, without an epoch of 0. */
export function joinRpmVersion({ epoch, version, release }: RpmVersion): string {
  return `${/^0*$/.test(epoch) ? '' : `${epoch}:`}${version}${release === undefined ? '' : `-${release}`}`;
}

/**
 * Orders versions of packages as rpm does: by epoch, version and release. Negative when `left` is older, zero when equal
 * (which different texts can be: "1.0" and "1.00"), positive when newer. A text without a release is older than one with.
 * Never throws.
 */
export function compareRpmVersions(left: string, right: string): number {
  if (left === right) return 0;
  const [a, b] = [splitRpmVersion(left), splitRpmVersion(right)];
  return comparePartialVersions(a, b) || Number(a.release !== undefined) - Number(b.release !== undefined);
}

/** As compareRpmVersions, but releases count only where both have one, as dependencies compare. */
export function comparePartialVersions(a: RpmVersion, b: RpmVersion): number {
  const order = compareDigits(a.epoch, b.epoch) || compareSegments(a.version, b.version);
  return order !== 0 || a.release === undefined || b.release === undefined ? order : compareSegments(a.release, b.release);
}

/**
 * Orders two versions or two releases (rpm's manual, "version comparison"): runs of digits and runs of letters are compared
 * one after the other, whatever stands between them. A tilde is older than the end, a caret is newer than the end and older
 * than everything else, digits are newer than letters.
 */
function compareSegments(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    i = skipSeparators(a, i);
    j = skipSeparators(b, j);
    const [left, right] = [a[i], b[j]];
    if (left === '~' || right === '~') {
      if (left !== '~') return 1;
      if (right !== '~') return -1;
      i += 1;
      j += 1;
      continue;
    }
    if (left === '^' || right === '^') {
      if (left === undefined) return -1;
      if (right === undefined) return 1;
      if (left !== '^') return 1;
      if (right !== '^') return -1;
      i += 1;
      j += 1;
      continue;
    }
    if (left === undefined || right === undefined) break;
    const isKind = isDigit(left) ? isDigit : isLetter;
    const [endOfA, endOfB] = [endOf(a, i, isKind), endOf(b, j, isKind)];
    if (endOfB === j) return isKind === isDigit ? 1 : -1;
    const [one, other] = [a.slice(i, endOfA), b.slice(j, endOfB)];
    const order = isKind === isDigit ? compareDigits(one, other) : compareLetters(one, other);
    if (order !== 0) return order;
    i = endOfA;
    j = endOfB;
  }
  return Number(i < a.length) - Number(j < b.length);
}

function skipSeparators(text: string, start: number): number {
  let at = start;
  for (let next = text[at]; next !== undefined && !isDigit(next) && !isLetter(next) && next !== '~' && next !== '^'; next = text[at])
    at += 1;
  return at;
}

function endOf(text: string, start: number, isKind: (character: string) => boolean): number {
  let end = start;
  for (let next = text[end]; next !== undefined && isKind(next); next = text[end]) end += 1;
  return end;
}

/** By length first, because dates of twenty digits do not fit a number. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return compareLetters(left, right);
}

function compareLetters(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

function isLetter(character: string): boolean {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}
