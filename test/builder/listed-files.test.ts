import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  buildBundle,
  connectUpstream,
  openOnlineBundle,
  parseMirrors,
  planLocked,
  planReport,
  type Upstream,
} from '../../src/builder/index.ts';
import { planAgain } from '../../src/builder/rebuild.ts';
import { beginBundle, openBundle, SBOM_JSON, verifyBundle } from '../../src/bundle/index.ts';
import { digestOf, fixedClock, silent } from '../../src/core/index.ts';
import { makeRepositoryKey, openDepot } from '../../src/depot/index.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';
import { useLoopbackServers, type LoopbackServer } from '../support/loopback-server.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const startServer = useLoopbackServers();
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const TOOL = Buffer.alloc(3 * 1024 * 1024, 'a tool of some megabytes. ');
const ADDRESS = 'http://downloads.example';

interface Site extends LoopbackServer {
  readonly workshop: Workshop;
  /** Content by path; a test changes it. */
  readonly content: Map<string, Buffer>;
  readonly upstream: Upstream;
  readonly asked: () => string[];
}

/** A workshop with files.txt, and a server behind a mirror that has its files and the packages. */
async function openSite(list: string, answer?: Parameters<typeof startServer>[0]): Promise<Site> {
  const workshop = await openWorkshop({ images: {} });
  endings.push(workshop.remove);
  await workshop.write('files.txt', list);
  const content = new Map([['/tool', TOOL]]);
  const server = await startServer((request, response) => {
    const path = request.url ?? '';
    const bytes = content.get(path) ?? workshop.files.get(`http://packages.example${path}`);
    if (content.has(path) && answer !== undefined) answer(request, response);
    else if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': bytes.length }).end(request.method === 'HEAD' ? undefined : bytes);
  });
  const upstream = await connectUpstream({
    imageLists: [join(workshop.directory, 'images.txt')],
    mirrors: parseMirrors([`packages.example=${server.origin}`, `downloads.example=${server.origin}`]),
    env: {},
    clock: fixedClock(new Date('2026-01-03T00:00:00Z')),
    emit: (event) => workshop.events.push(event),
  });
  endings.push(() => upstream.close());
  const asked = (): string[] =>
    server.requests
      .filter(({ url }) => content.has(url ?? ''))
      .map(({ method, headers }) => [method, headers.range].filter(Boolean).join(' '));
  return { ...server, workshop, content, upstream, asked };
}

async function fileIn(bundle: string, path: string) {
  const reader = await openBundle(bundle);
  try {
    return { entry: reader.entry(path), bytes: await reader.read(path, { limit: 2 ** 24 }), manifest: reader.manifest };
  } finally {
    await reader.close();
  }
}

describe('a file of files.txt', () => {
  it('is a member with digest, size and origin, in the lock, the plan, the SBOM, and the whole verifies', async () => {
    const site = await openSite(`${ADDRESS}/tool as bin/tool ${digestOf(TOOL)}\n`);
    const result = await buildBundle(site.workshop.request(), site.upstream);
    // Nothing but the size is asked for before the one download.
    expect(site.asked()).toEqual(['HEAD', 'GET']);
    expect((await verifyBundle(result.output)).findings).toEqual([]);
    const { entry, bytes, manifest } = await fileIn(result.output, 'files/bin/tool');
    expect(entry).toMatchObject({ kind: 'file', digest: digestOf(TOOL), size: TOOL.length, mode: 0o644, origin: `${ADDRESS}/tool` });
    expect(bytes.equals(TOOL)).toBe(true);
    expect(manifest.apiVersion).toBe('caisson.bundle/v2');
    expect((await fileIn(result.output, 'files.txt')).bytes.toString()).toContain('as bin/tool');
    const locked = { name: 'bin/tool', url: `${ADDRESS}/tool`, digest: digestOf(TOOL), size: TOOL.length };
    expect(result.lock.listedFiles).toEqual([locked]);
    const report = planReport(result, site.upstream);
    expect(report.listedFiles).toEqual([
      { name: 'bin/tool', from: `${site.origin}/tool`, size: TOOL.length, digest: digestOf(TOOL), promised: true },
    ]);
    expect(report.download).toBeGreaterThanOrEqual(TOOL.length);
    const sbom = JSON.parse((await fileIn(result.output, SBOM_JSON)).bytes.toString()) as { components: { 'bom-ref': string }[] };
    expect(sbom.components.find((component) => component['bom-ref'] === 'file:files/bin/tool')).toMatchObject({
      type: 'file',
      name: 'bin/tool',
      version: digestOf(TOOL),
      supplier: { name: 'downloads.example' },
      purl: `pkg:generic/tool@${digestOf(TOOL)}?checksum=${encodeURIComponent(digestOf(TOOL))}&download_url=${encodeURIComponent(`${ADDRESS}/tool`)}`,
    });
  });

  it('leaves a bundle without any at version 1, byte for byte', async () => {
    const { workshop, upstream } = await openSite('# none yet\n');
    await rm(join(workshop.directory, 'files.txt'));
    const result = await buildBundle(workshop.request(), upstream);
    expect(result.plan.manifest.apiVersion).toBe('caisson.bundle/v1');
    expect(result.lock).not.toHaveProperty('listedFiles');
  });

  it('has its digest found once where the list has none, pinned by the lock, and checked from then on', async () => {
    const site = await openSite(`${ADDRESS}/tool\n`);
    const { workshop, upstream, content } = site;
    const result = await buildBundle(workshop.request(), upstream);
    expect(site.asked()).toEqual(['GET', 'GET']);
    expect(planReport(result, upstream).listedFiles).toMatchObject([{ name: 'tool', digest: digestOf(TOOL), promised: false }]);
    expect((await buildBundle(workshop.request(), upstream)).outcome).toBe('unchanged');
    expect(site.asked()).toHaveLength(2);

    content.set('/tool', Buffer.from('something else'));
    await rm(result.output);
    for (const frozen of [false, true])
      await expect(buildBundle(workshop.request({ frozen }), upstream)).rejects.toMatchObject({
        code: 'BUILD_INCOMPLETE',
        message: expect.stringContaining('files/tool'),
      });
    const updated = await buildBundle(workshop.request({ update: ['tool'] }), upstream);
    expect(updated.changes).toEqual([
      {
        kind: 'file',
        name: 'files/tool',
        before: { version: digestOf(TOOL), size: TOOL.length },
        after: { version: digestOf('something else'), size: 14 },
        notes: ['moved URL'],
      },
    ]);
    expect((await fileIn(updated.output, 'files/tool')).bytes.toString()).toBe('something else');
  });

  it('is refused when it has not the digest that the list promises, and nothing gets the name of the bundle', async () => {
    const { workshop, upstream } = await openSite(`${ADDRESS}/tool ${digestOf('promised')}\n`);
    await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({
      code: 'BUILD_INCOMPLETE',
      message: expect.stringContaining(digestOf('promised')),
    });
    await expect(readFile(workshop.request().output ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('goes on behind the bytes that are there when the connection broke and the command runs again', async () => {
    let isWhole = false;
    const half = TOOL.length / 2;
    const site = await openSite(`${ADDRESS}/tool ${digestOf(TOOL)}\n`, (request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': TOOL.length }).end();
      else if (isWhole && start > 0)
        response.writeHead(206, { 'content-range': `bytes ${start}-${TOOL.length - 1}/${TOOL.length}` }).end(TOOL.subarray(start));
      else if (isWhole) response.end(TOOL);
      else if (start > 0) response.writeHead(404).end();
      else response.writeHead(200, { 'content-length': TOOL.length }).write(TOOL.subarray(0, half), () => response.destroy());
    });
    const { workshop, upstream } = site;
    await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({ code: 'BUILD_INCOMPLETE' });
    isWhole = true;
    const before = site.asked().length;
    const result = await buildBundle(workshop.request(), upstream);
    const [again] = site.asked().slice(before);
    expect(again).toMatch(/^GET bytes=[1-9]\d+-$/);
    expect((await fileIn(result.output, 'files/tool')).bytes.equals(TOOL)).toBe(true);
  });

  it.each([
    ['refuses the question for the size', (method: string) => method === 'HEAD', {}],
    ['does not say the size', () => false, { 'transfer-encoding': 'chunked' }],
  ])('is read for its size where the server %s', async (_, isRefused, headers) => {
    const site = await openSite(`${ADDRESS}/tool ${digestOf(TOOL)}\n`, (request, response) => {
      if (isRefused(request.method ?? '')) response.writeHead(405).end();
      else response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : TOOL);
    });
    const result = await buildBundle(site.workshop.request(), site.upstream);
    expect(result.lock.listedFiles).toMatchObject([{ size: TOOL.length }]);
    expect(site.asked()).toEqual(['HEAD', 'GET', 'GET']);
  });

  it('may be a file of this machine', async () => {
    const site = await openSite('');
    const { workshop, upstream } = site;
    await workshop.write('hand over/report.pdf', 'the report');
    const url = `file://${workshop.directory}/hand%20over/report.pdf`;
    await workshop.write('files.txt', `${url}\n${url} as again ${digestOf('the report')}\n`);
    const result = await buildBundle(workshop.request(), upstream);
    expect((await fileIn(result.output, 'files/report.pdf')).bytes.toString()).toBe('the report');
    expect((await fileIn(result.output, 'files/again')).bytes.toString()).toBe('the report');
    await workshop.write('files.txt', `file://${workshop.directory}/absent\nfile://${workshop.directory} as directory ${digestOf('')}\n`);
    await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({
      code: 'BUILD_UNRESOLVED',
      message: expect.stringMatching(/files\.txt:1: file "absent": .*ENOENT[^]*files\.txt:2: file "directory": .*it is not a file/),
    });
  });

  it('that is not there is named with its line, beside all else that fails', async () => {
    const { workshop, upstream } = await openSite(`# two\n${ADDRESS}/absent\n${ADDRESS}/gone as x ${digestOf('x')}\n`);
    await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({
      code: 'BUILD_UNRESOLVED',
      message: expect.stringMatching(/files\.txt:2: file "absent": .*404[^]*files\.txt:3: file "x": .*404/),
    });
  });

  it('of a host that cannot be reached is one fault with all its lines', async () => {
    const { workshop, upstream } = await openSite('http://127.0.0.1:1/a\nhttp://127.0.0.1:1/b\n');
    await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({
      message: expect.stringMatching(/ {2}2 files \(.*files\.txt, lines 1-2\): /),
    });
  }, 60_000);

  it('may not have the path of a member, or the standard input be read twice', async () => {
    const { workshop, upstream } = await openSite(`${ADDRESS}/tool as manifests/platform.yaml\n`);
    for (const name of ['manifests/platform.yaml', 'bundle.json', 'SHA256SUMS', 'images.txt', 'caisson-linux-amd64']) {
      await workshop.write('files.txt', `\n${ADDRESS}/tool as ${name}\n`);
      await expect(buildBundle(workshop.request(), upstream)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining(`files.txt:2:1: the name "${name}" is that of another file in the bundle`),
      });
    }
    await expect(buildBundle(workshop.request({ images: ['-'], listsOfFiles: ['-'] }), upstream)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('comes from the lists that are named, which are one, in the place of files.txt', async () => {
    const { workshop, upstream } = await openSite('this is no list\n');
    await workshop.write('lists/a', `${ADDRESS}/tool\n`);
    const request = workshop.request({
      listsOfFiles: [join(workshop.directory, 'lists/a'), '-'],
      readStdin: async () => Buffer.from(`${ADDRESS}/tool as b\n`),
    });
    const { lock, output } = await buildBundle(request, upstream);
    expect(lock.listedFiles?.map(({ name }) => name)).toEqual(['b', 'tool']);
    expect((await fileIn(output, 'files.txt')).bytes.toString()).toBe(`${ADDRESS}/tool\n${ADDRESS}/tool as b\n`);
  });

  it('stays out of a delta whose base has it under its name', async () => {
    const { workshop, upstream, content } = await openSite(`${ADDRESS}/tool ${digestOf(TOOL)}\n`);
    const base = await buildBundle(workshop.request(), upstream);
    content.set('/new', Buffer.from('new'));
    await workshop.write('files.txt', `${ADDRESS}/tool ${digestOf(TOOL)}\n${ADDRESS}/new\n`);
    const output = join(workshop.directory, 'out/delta.tar');
    const delta = await buildBundle(workshop.request({ output, bases: [base.output], version: '2' }), upstream);
    const { manifest } = delta.plan;
    expect(manifest.entries.filter(({ kind }) => kind === 'file').map(({ path }) => path)).toEqual(['files/new']);
    expect(manifest.baseEntries.filter(({ kind }) => kind === 'file').map(({ path }) => path)).toEqual(['files/tool']);
    expect(manifest.apiVersion).toBe('caisson.bundle/v2');
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('is proved by the lock again, and named where the lock has another', async () => {
    const { workshop, upstream } = await openSite(`${ADDRESS}/tool ${digestOf(TOOL)}\n`);
    const { output, lock } = await buildBundle(workshop.request(), upstream);
    const reader = await openBundle(output);
    endings.push(() => reader.close());
    expect((await planAgain(reader, lock)).differences).toEqual([]);
    const [file] = lock.listedFiles ?? [];
    if (file === undefined) throw new Error('the lock has no file');
    const other = { ...lock, listedFiles: [{ ...file, digest: digestOf('other') }] };
    expect((await planAgain(reader, other)).differences.map(({ member }) => member)).toContain('files/tool');
  });

  it('is a difference between list and lock, for a build from the lock alone and for a site online', async () => {
    const { workshop, upstream } = await openSite(`${ADDRESS}/tool ${digestOf(TOOL)}\n${ADDRESS}/tool as gone\n`);
    await buildBundle(workshop.request(), upstream);
    await workshop.write('files.txt', `${ADDRESS}/tool ${digestOf('x')}\n${ADDRESS}/new as new\n`);
    const lines = [
      `file "files/tool" is promised with ${digestOf('x')}, locked is ${digestOf(TOOL)}`,
      'file "files/new" is not in the lock',
      'file "files/gone" is in the lock and not asked for',
    ];
    for (const work of [() => buildBundle(workshop.request({ frozen: true }), upstream), () => planLocked(workshop.request())])
      await expect(work()).rejects.toMatchObject({
        code: 'LOCK_MISMATCH',
        message: expect.stringMatching(new RegExp(lines.map((line) => `[^]*${line}`).join(''))),
      });
  });

  it('is fetched by a depot online when a host asks for it by its name, and not before', async () => {
    const site = await openSite(`${ADDRESS}/tool as bin/tool ${digestOf(TOOL)}\n`);
    const { workshop, upstream } = site;
    const { output } = await buildBundle(workshop.request(), upstream);
    await rm(output);
    const { plan, files } = await planLocked(workshop.request());
    await beginBundle(plan, output, files);
    const online = await openOnlineBundle(output, upstream, { jobs: 2 });
    endings.push(() => online.close());
    const depot = await openDepot({ bundles: [], demanded: [online], repositoryKey: await makeRepositoryKey(), emit: silent });
    endings.push(() => depot.close());
    const before = site.asked().length;
    const answer = await depot.handle(httpRequest('/files/bin/tool', { host: 'seed.example:5000' }));
    expect(answer.status).toBe(200);
    expect(await bodyText(answer)).toBe(TOOL.toString());
    expect(site.asked().slice(before)).toEqual(['GET']);
  });

  it('is no stray where the list lies beside the manifests', async () => {
    const { workshop, upstream } = await openSite('');
    const list = join(workshop.directory, 'manifests/files.txt');
    await mkdir(dirname(list), { recursive: true });
    await writeFile(list, `${ADDRESS}/tool\n`);
    await buildBundle(workshop.request({ listsOfFiles: [list], planOnly: true }), upstream);
    expect(workshop.events.filter(({ type }) => type === 'warning')).toEqual([]);
  });
});
