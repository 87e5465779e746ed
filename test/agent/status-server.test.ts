import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  askAgent,
  askLocalAgent,
  reloadLocalAgent,
  serveStatus,
  type AgentConfig,
  type AgentStatus,
  type ClientCertificate,
  type Measures,
  type StatusSource,
} from '../../src/agent/index.ts';
import { MONITORS, OPERATORS, silent, systemClock } from '../../src/core/index.ts';
import { request } from '../../src/health/http-client.ts';
import { getJson } from '../../src/health/index.ts';
import { createAuthority, issueCertificate, type CertificateUsage, type KeyPair } from '../../src/pki/index.ts';
import { freePort } from '../support/free-port.ts';
import { useTempDir } from '../support/temp-dir.ts';

const STATUS: AgentStatus = {
  node: { name: 'm1', address: '127.0.0.1', uuid: 'u-1' },
  roles: ['manage'],
  version: '1.2.3',
  time: '2025-01-01T00:00:00.000Z',
  components: [{ name: 'a', state: 'healthy', since: '2025-01-01T00:00:00.000Z', reason: '', errors: 0 }],
  problems: [],
};

class Source implements StatusSource {
  reloads = 0;
  readonly reports = new Map<string, string>();
  readonly status = async (): Promise<AgentStatus> => STATUS;
  readonly measures = (): Measures => ({
    certificates: [{ component: 'a', name: 'tls', notAfter: new Date('2026-01-01T00:00:00Z') }],
    fileSystems: [],
  });
  readonly reload = async (): Promise<void> => void (this.reloads += 1);
  readonly report = (about: string, message: string | undefined): void => {
    if (message === undefined) this.reports.delete(about);
    else this.reports.set(about, message);
  };
}

const temp = useTempDir();
const options = { timeoutMs: 5000, signal: new AbortController().signal };
let authority: KeyPair;
let client: ClientCertificate;
let config: AgentConfig;
let source: Source;
let abort: AbortController;
let serving: Promise<void> | undefined;

beforeEach(async () => {
  authority = await createAuthority({ commonName: 'test', days: 1, clock: systemClock });
  client = await clientOf(authority);
  const server = await issue(authority, 'both');
  const path = (name: string): string => join(temp(), name);
  await writeFile(path('tls.crt'), server.certificate);
  await writeFile(path('tls.key'), server.key);
  await writeFile(path('ca.crt'), authority.certificate);
  config = {
    apiVersion: 'caisson/v1',
    kind: 'AgentConfig',
    cluster: 'prod',
    node: { name: 'm1', address: '127.0.0.1', uuid: 'u-1', roles: ['manage'] },
    definitions: '/none',
    state: '/none',
    units: '/none',
    socket: path('run/agent.sock'),
    listen: { address: '127.0.0.1', port: await freePort() },
    tls: { certificate: path('tls.crt'), key: path('tls.key'), authority: path('ca.crt') },
    values: {},
    record: '/none',
    needs: {},
    certificates: [],
    directories: [],
  };
  source = new Source();
  abort = new AbortController();
  serving = undefined;
});

afterEach(async () => {
  abort.abort();
  await serving;
});

async function issue(by: KeyPair, usages: CertificateUsage, organizations: readonly string[] = []): Promise<KeyPair> {
  const subject = { commonName: 'm1', organizations, dnsNames: ['m1'], addresses: ['127.0.0.1'], usages };
  return issueCertificate(by, { ...subject, days: 1, clock: systemClock });
}

async function clientOf(by: KeyPair, organizations: readonly string[] = [OPERATORS]): Promise<ClientCertificate> {
  return { ...(await issue(by, 'client', organizations)), authority: authority.certificate };
}

async function serve(): Promise<void> {
  serving = serveStatus(source, config, abort.signal, silent);
  for (let turn = 0; turn < 200; turn += 1) {
    try {
      await askLocalAgent(config.socket, options);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      return;
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }
  throw new Error('the server did not come up');
}

describe('serveStatus', () => {
  it('answers a client with a certificate of the authority', async () => {
    await serve();
    expect(await askAgent('127.0.0.1', config.listen.port, client, options)).toEqual(STATUS);
  });

  it('refuses a client of another authority', async () => {
    await serve();
    const stranger = await clientOf(await createAuthority({ commonName: 'other', days: 1, clock: systemClock }));
    await expect(askAgent('127.0.0.1', config.listen.port, stranger, options)).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
      message: expect.stringContaining('a certificate is not of its authority'),
    });
  });

  it('lets in an operator of several organizations', async () => {
    await serve();
    const operator = await clientOf(authority, ['shop', OPERATORS]);
    expect(await askAgent('127.0.0.1', config.listen.port, operator, options)).toEqual(STATUS);
  });

  it.each<[string, CertificateUsage, readonly string[]]>([
    ['a node that was removed', 'server', []],
    ['a node of an earlier version, which could be a client', 'both', []],
    ['a component', 'client', ['shop', `${OPERATORS}.shop`]],
    ['an operator that is only a server', 'server', [OPERATORS]],
  ])('opens nothing to the certificate of %s', async (_, usages, organizations) => {
    await serve();
    const holder = { ...(await issue(authority, usages, organizations)), authority: authority.certificate };
    for (const path of ['/v1/status', '/healthz', '/none']) {
      const asked = getJson(`https://127.0.0.1:${config.listen.port}${path}`, { ...options, client: holder, authority: holder.authority });
      await expect(asked, path).rejects.toMatchObject({ code: 'ECONNRESET' });
    }
  });

  it('gives metrics to monitors and operators, and nothing else to monitors', async () => {
    await serve();
    const monitor = await clientOf(authority, [MONITORS]);
    const ask = (path: string, holder: ClientCertificate): Promise<string> =>
      request(
        `https://127.0.0.1:${config.listen.port}${path}`,
        { ...options, client: holder, authority: holder.authority },
        async (response) => {
          if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode}`);
          return text(response);
        },
      );
    for (const holder of [monitor, client]) {
      const metrics = await ask('/metrics', holder);
      expect(metrics).toContain('\ncaisson_component_healthy{component="a"} 1\n');
      expect(metrics).toContain('\ncaisson_certificate_not_after_timestamp_seconds{component="a",name="tls"} 1767225600\n');
    }
    for (const path of ['/v1/status', '/healthz']) await expect(ask(path, monitor), path).rejects.toThrow('it answers 403');
  });

  it('refuses a client without a certificate', async () => {
    await serve();
    const said = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: config.listen.port, ca: authority.certificate });
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      socket.on('error', () => {});
      socket.on('close', () => resolve(said));
      socket.write('GET /v1/status HTTP/1.1\r\nhost: m1\r\n\r\n');
    });
    expect(said).toBe('');
  });

  it('is not believed when it is of another authority than the client expects', async () => {
    await serve();
    const other = await createAuthority({ commonName: 'other', days: 1, clock: systemClock });
    const doubtful = { ...client, authority: other.certificate };
    await expect(askAgent('127.0.0.1', config.listen.port, doubtful, options)).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
      message: expect.stringContaining('its certificate is not of the authority that is trusted here'),
    });
  });

  it('reloads for those who may open the socket, which is root alone', async () => {
    await serve();
    expect(await reloadLocalAgent(config.socket, options)).toEqual(STATUS);
    expect(source.reloads).toBe(1);
    expect((await stat(config.socket)).mode & 0o777).toBe(0o600);
    expect((await stat(join(temp(), 'run'))).mode & 0o777).toBe(0o700);
  });

  it('takes the place of a socket that a killed run left', async () => {
    await mkdir(join(temp(), 'run'));
    await writeFile(config.socket, '');
    await serve();
    expect(await askLocalAgent(config.socket, options)).toEqual(STATUS);
  });

  it('answers no reload over the network', async () => {
    await serve();
    const asked = getJson(`https://127.0.0.1:${config.listen.port}/v1/reload`, {
      ...options,
      method: 'POST',
      client,
      authority: authority.certificate,
    });
    await expect(asked).rejects.toThrow('it answers 404');
    expect(source.reloads).toBe(0);
  });

  it('answers nothing but POST where it reloads', async () => {
    await serve();
    await expect(getJson('http://agent/v1/reload', { ...options, socketPath: config.socket })).rejects.toThrow('it answers 405');
    expect(source.reloads).toBe(0);
  });

  it('reports a listener that cannot listen, and answers on the other', async () => {
    await rm(config.tls.key);
    await serve();
    expect([...source.reports]).toEqual([[`https://127.0.0.1:${config.listen.port}`, expect.stringContaining('ENOENT')]]);
  });
});

describe('askAgent', () => {
  it('gives up on one that takes the connection and says nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => {
      silent.listen(config.listen.port, '127.0.0.1', resolve);
    });
    const asked = askAgent('127.0.0.1', config.listen.port, client, { ...options, timeoutMs: 100 });
    await expect(asked).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE', message: expect.stringContaining('no answer within 0.1 s') });
    await new Promise((resolve) => silent.close(resolve));
  });

  it('says that nobody listens', async () => {
    await expect(askAgent('127.0.0.1', config.listen.port, client, options)).rejects.toThrow('ECONNREFUSED');
  });
});
