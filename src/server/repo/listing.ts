import { escapeHtml, HTML_HEADERS } from '../html.ts';
import type { HttpResponse } from '../message.ts';

/** A directory as a plain page of links, for people. */
export function listingPage(path: string, names: readonly string[]): HttpResponse {
  const title = `Files in ${escapeHtml(path)}`;
  const links = (path === '/' ? names : ['../', ...names]).map((name) => `<li><a href="${linkTo(name)}">${escapeHtml(name)}</a></li>`);
  return {
    status: 200,
    headers: HTML_HEADERS,
    body: `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>\n${links.join('\n')}\n</ul>\n`,
  };
}

/** A relative link; `./` in front, so that a colon in a name makes no scheme of it. */
function linkTo(name: string): string {
  if (name === '../') return name;
  return name.endsWith('/') ? `./${encodeURIComponent(name.slice(0, -1))}/` : `./${encodeURIComponent(name)}`;
}
