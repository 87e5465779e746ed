import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildBundle, connectUpstream, parseMirrors, planReport, type Upstream } from '../../src/builder/index.ts';
import { fixedClock } from '../../src/core/index.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const SECRET = 'Wag-0n-w4rd';
const BASIC = `Basic ${Buffer.from(`ann:${SECRET}`).toString('base64')}`;
const startServer = useLoopbackServers();
const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Site {
  readonly workshop: Workshop;
  readonly origin: string;
  readonly connect: (env?: Readonly<Record<string, string>>) => Promise<Upstream>;
  readonly logins: () => Set<string | undefined>;
}

/** The workshop's repository behind a server that asks for a login. */
async function guardedSite(): Promise<Site> {
  const workshop = await openWorkshop({ images: {} });
  endings.push(workshop.remove);
  const { origin, requests } = await startServer((request, response) => {
    if (request.headers.authorization !== BASIC) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="packages"' }).end();
      return;
    }
    const content = workshop.files.get(`http://packages.example${request.url}`);
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  const connect = async (env: Readonly<Record<string, string>> = {}): Promise<Upstream> => {
    const upstream = await connectUpstream({
      imageLists: [join(workshop.directory, 'images.txt')],
      mirrors: parseMirrors([`packages.example=${origin}`]),
      env,
      clock: fixedClock(new Date('2026-01-03T00:00:00Z')),
      emit: (event) => workshop.events.push(event),
    });
    endings.push(() => upstream.close());
    return upstream;
  };
  return { workshop, origin, connect, logins: () => new Set(requests.map(({ headers }) => headers.authorization)) };
}

async function netrc({ workshop, origin }: Site, mode = 0o600): Promise<string> {
  const file = join(workshop.directory, '.netrc');
  await writeFile(file, `machine ${origin} login ann password ${SECRET}\n`);
  await chmod(file, mode);
  return file;
}

describe('a repository that asks for a login', () => {
  it.each(['NETRC', 'HOME'])('is read with the netrc file of %s, and the login is in nothing that is written or said', async (variable) => {
    const site = await guardedSite();
    const { workshop } = site;
    const file = await netrc(site);
    const upstream = await site.connect({ [variable]: variable === 'HOME' ? workshop.directory : file });
    const result = await buildBundle(workshop.request(), upstream);
    expect(result.outcome).toBe('built');
    expect(site.logins()).toEqual(new Set([BASIC]));
    const written = [result.output, workshop.request().lock, ...result.executables];
    const texts = await Promise.all(written.map((path) => readFile(path, 'latin1')));
    const said = JSON.stringify([workshop.events, planReport(result, upstream), result.lock, result.plan.manifest]);
    for (const text of [...texts, said]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(BASIC.slice('Basic '.length));
    }
    expect(texts[0]).toMatch(/"origin": ?"http:..packages.example.debian.pool/);
  });

  it("is read with docker's stored login", async () => {
    const site = await guardedSite();
    const config = { auths: { [site.origin.replace('http://', '')]: { auth: BASIC.slice('Basic '.length) } } };
    await site.workshop.write('docker/config.json', JSON.stringify(config));
    const upstream = await site.connect({ DOCKER_CONFIG: join(site.workshop.directory, 'docker') });
    expect((await buildBundle(site.workshop.request({ planOnly: true }), upstream)).outcome).toBe('planned');
    expect(site.logins()).toEqual(new Set([BASIC]));
  });

  it('says how a login is given when there is none', async () => {
    const site = await guardedSite();
    await expect(buildBundle(site.workshop.request(), await site.connect())).rejects.toMatchObject({
      message: expect.stringMatching(/the server answered 401\n.*machine http:\S+ login NAME password WORD/),
    });
  });

  it('says that a login was refused, without the login', async () => {
    const site = await guardedSite();
    const file = await netrc(site);
    await writeFile(file, `machine ${site.origin} login ann password other-${SECRET}\n`);
    const failure: unknown = await buildBundle(site.workshop.request(), await site.connect({ NETRC: file })).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ message: expect.stringContaining('was sent and refused') });
    expect(JSON.stringify([String(failure), failure, site.workshop.events])).not.toContain(SECRET);
  });

  it('is not read with a file that others can read', async () => {
    const site = await guardedSite();
    const file = await netrc(site, 0o644);
    await expect(buildBundle(site.workshop.request(), await site.connect({ NETRC: file }))).rejects.toMatchObject({
      message: expect.stringContaining('mode 644'),
    });
    expect(site.logins()).toEqual(new Set());
  });
});

describe('a login in the address of a repository', () => {
  it.each(['http://ann:Wag-0n-w4rd@packages.example/debian', 'https://packages.example/debian?token=Wag-0n-w4rd', 'file://Wag-0n-w4rd@/x'])(
    'is refused before anything is asked or written, and not repeated: %s',
    async (url) => {
      const { workshop, connect, logins } = await guardedSite();
      const file = 'manifests/os/debian-12.yaml';
      const text = await readFile(join(workshop.directory, file), 'utf8');
      await workshop.write(file, text.replace('http://packages.example/debian', url));
      const failure: unknown = await buildBundle(workshop.request(), await connect()).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('repositories[0].url') });
      expect(JSON.stringify([String(failure), failure])).not.toContain(SECRET);
      expect(logins()).toEqual(new Set());
    },
  );

  it('is refused in a lock, which travels in the bundle', async () => {
    const { workshop, connect } = await guardedSite();
    const upstream = await connect();
    await buildBundle(workshop.request(), { ...workshop.upstream, images: upstream.images });
    const { lock } = workshop.request();
    const text = await readFile(lock, 'utf8');
    await writeFile(lock, text.replaceAll('http://packages.example', `http://ann:${SECRET}@packages.example`));
    const failure: unknown = await buildBundle(workshop.request({ frozen: true }), upstream).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'INPUT_INVALID' });
    expect(String(failure)).not.toContain(SECRET);
  });
});

it('reads a repository of a directory of this machine, and says that it is not there', async () => {
  const { workshop, connect } = await guardedSite();
  const file = 'manifests/os/debian-12.yaml';
  const text = await readFile(join(workshop.directory, file), 'utf8');
  const disk = join(workshop.directory, 'a disk');
  await workshop.write(file, text.replace('http://packages.example/debian', `file://${encodeURI(disk)}`));
  const upstream = await connect();
  await expect(buildBundle(workshop.request(), upstream)).rejects.toThrow(/neither InRelease nor Release/);
  for (const [url, content] of workshop.files) {
    await workshop.write(url.replace('http://packages.example/debian', 'a disk'), content);
  }
  const result = await buildBundle(workshop.request(), upstream);
  expect(result.outcome).toBe('built');
  expect(await readFile(result.output, 'utf8')).toContain('the hello package');
});
