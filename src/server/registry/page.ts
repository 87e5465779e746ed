import type { HttpRequest } from '../message.ts';

export interface Page {
  readonly items: readonly string[];
  /** Value of a Link header to the next page, when there is one (RFC 8288). */
  readonly link: string | undefined;
}

/**
 * Cuts a sorted list as `n` and `last` ask (distribution-spec, Listing Tags): `last` is exclusive and need not exist,
 * `n=0` is an empty page. Undefined when `n` is no number.
 */
export function pageOf(sorted: readonly string[], request: HttpRequest): Page | undefined {
  const last = request.query.get('last');
  const rest = last === null ? sorted : sorted.filter((item) => item > last);
  const asked = request.query.get('n');
  if (asked === null) return { items: rest, link: undefined };
  if (!/^\d{1,9}$/.test(asked)) return undefined;
  const items = rest.slice(0, Number(asked));
  const end = items.at(-1);
  if (end === undefined || items.length === rest.length) return { items, link: undefined };
  const query = new URLSearchParams(request.query);
  query.set('last', end);
  return { items, link: `<${request.path}?${query.toString()}>; rel="next"` };
}
