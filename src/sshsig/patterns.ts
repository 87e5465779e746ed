/**
 * Whether a word matches a list of patterns (ssh_config(5), PATTERNS): `*` any text, `?` any character, `!` before a
 * pattern refuses the words that it matches, also when another pattern matches them.
 */
export function matchesPatterns(word: string, list: string): boolean {
  let isMatched = false;
  for (const item of list.split(',')) {
    const isNegated = item.startsWith('!');
    if (!matches(word, isNegated ? item.slice(1) : item)) continue;
    if (isNegated) return false;
    isMatched = true;
  }
  return isMatched;
}

/** Without a regular expression, whose time could grow with the number of stars. */
function matches(word: string, pattern: string): boolean {
  let [at, next, star, retry] = [0, 0, -1, 0];
  while (at < word.length) {
    if (pattern[next] === '*') {
      star = next;
      next += 1;
      retry = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === word[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      next = star + 1;
      retry += 1;
      at = retry;
    } else return false;
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}
