import type { BundleManifest } from '../bundle/index.ts';
import { formatSize } from '../core/index.ts';
import { packageFormat } from '../ospkg/index.ts';
import { escapeHtml, HTML_HEADERS, type Handler, type HttpRequest } from '../server/index.ts';
import { imagePath } from './image-path.ts';
import { PUBLIC_KEY_FILE } from './repository-overlay.ts';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } pre { background: #f2f4f7; padding: .8rem; overflow-x: auto }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #e3e7ec }
code, td { overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { color: #dde3ea; background: #14191f } pre { background: #1e252d } td, th { border-color: #333c46 } a { color: #8ab8ff } }`;

/** One page for people: the served bundles and the commands that use them. Self-contained, without scripts. */
export function statusPage(bundles: readonly BundleManifest[]): Handler {
  return (request) => ({ status: 200, headers: { ...HTML_HEADERS, 'cache-control': 'no-store' }, body: page(bundles, originOf(request)) });
}

interface Origin {
  readonly host: string;
  readonly url: string;
}

/** The address that the client used, from the Host header; `DEPOT` stands for a header that does not look like a host. */
function originOf(request: HttpRequest): Origin {
  const asked = request.header('host') ?? '';
  const host = /^[A-Za-z0-9.-]+(?::\d+)?$|^\[[0-9A-Fa-f:.]+\](?::\d+)?$/.test(asked) ? asked : 'DEPOT';
  return { host, url: `${request.secure ? 'https' : 'http'}://${host}` };
}

function page(bundles: readonly BundleManifest[], origin: Origin): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Caisson depot</title><style>${STYLE}</style></head>
<body><h1>Caisson depot</h1>
${bundles.map((bundle) => bundleSection(bundle, origin)).join('\n')}
<h2>More</h2>
<p><a href="/files/">Files of the bundle</a> · <a href="/v2/_catalog">Registry catalog</a> · <a href="/metrics">Metrics</a> · <a href="/healthz">Health</a></p>
</body></html>
`;
}

function bundleSection(bundle: BundleManifest, origin: Origin): string {
  const title = `${bundle.name} ${bundle.version}`;
  const facts = `${bundle.platforms.join(', ')} · content of ${bundle.date} · ${bundle.entries.length} files, ${formatSize(sum(bundle.entries))}`;
  return `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(facts)}</p>${imagesPart(bundle, origin)}${repositoriesPart(bundle, origin)}</section>`;
}

function imagesPart({ images }: BundleManifest, origin: Origin): string {
  const [first] = images;
  if (first === undefined) return '';
  const rows = images.map((image) => `<tr><td><code>${escapeHtml(image.name)}</code></td><td>${escapeHtml(kindOf(image))}</td></tr>`);
  return `<h2>${images.length} images</h2><pre>docker pull ${escapeHtml(`${origin.host}/${imagePath(first.name)}`)}</pre>
<details><summary>All images</summary><table><tr><th>Name</th><th>Platforms</th></tr>${rows.join('\n')}</table></details>`;
}

function kindOf({ platforms, artifacts = [] }: BundleManifest['images'][number]): string {
  return [...platforms.map(({ platform }) => platform), ...new Set(artifacts.map(({ artifactType }) => artifactType))].join(', ');
}

function repositoriesPart({ repositories }: BundleManifest, origin: Origin): string {
  return repositories
    .map((repository) => {
      const url = `${origin.url}/${repository.path}`;
      const setup = packageFormat(repository.type).clientSetup(repository, { url, keyUrl: `${url}/${PUBLIC_KEY_FILE}` });
      return `<h2>Packages: ${escapeHtml(repository.id)}</h2><p>${repository.packages.length} packages for ${escapeHtml(repository.architectures.join(', '))}, <a href="/${escapeHtml(repository.path)}/">files</a></p>
<pre>${escapeHtml(setup.join('\n'))}</pre>`;
    })
    .join('\n');
}

function sum(entries: BundleManifest['entries']): number {
  return entries.reduce((total, { size }) => total + size, 0);
}
