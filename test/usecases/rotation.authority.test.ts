import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { rotateAuthority } from '../../src/usecases/index.ts';
import { ask } from '../support/ask.ts';
import { freePort } from '../support/free-port.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import type { TlsFiles } from '../support/tls-exchange.ts';
import { filesOf, waysOf, type Way } from '../support/trust-ways.ts';
import { useVaultSites } from '../support/vault-platform.ts';

const directory = useTempDir();
const open = useVaultSites(directory);

/** What server and client of a way have, at one moment. */
interface Moment {
  readonly server: TlsFiles;
  readonly client: TlsFiles;
}

/** A site whose certificates are valid today: OpenSSL and curl go by the clock of this machine. */
async function installedNow(): Promise<{ readonly site: SimulatedSite; readonly options: SimulatedSite['options'] }> {
  const site = await open();
  for (const machine of site.machines) machine.facts = { time: (systemClock.now().getTime() / 1000).toFixed(1) };
  await site.install({ clock: systemClock });
  return { site, options: { ...site.options, clock: systemClock } };
}

type Paths = Readonly<Record<keyof TlsFiles, string>>;

let written = 0;

/** Writes what a program has into files of their own. Returns their paths. */
async function filed(files: TlsFiles): Promise<Paths> {
  written += 1;
  const own = join(directory(), `program-${written}`);
  await mkdir(own);
  const paths = { certificate: join(own, 'own.crt'), key: join(own, 'own.key'), authority: join(own, 'ca.crt') };
  await writeFile(paths.certificate, files.certificate ?? '');
  await writeFile(paths.key, files.key ?? '', { mode: 0o600 });
  await writeFile(paths.authority, files.authority ?? '');
  return paths;
}

/** Runs `openssl s_server` with what a server has. It asks its clients for a certificate where it has an authority for them. */
async function serve(files: TlsFiles): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const { certificate, key, authority } = await filed(files);
  const port = await freePort();
  const mutual = files.authority === undefined ? [] : ['-CAfile', authority, '-Verify', '1', '-verify_return_error'];
  const words = ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', certificate, '-key', key, '-www', ...mutual];
  const server = spawn('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    server.once('exit', (status) => reject(new Error(`openssl s_server ended with status ${status}: ${said}`)));
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('ACCEPT')) resolve();
    });
  });
  return { port, process: server };
}

/** Gets a page with `openssl s_client`. Resolves to undefined, or to what it said instead. */
async function bySClient(port: number, { certificate, key, authority }: Paths, files: TlsFiles, name: string) {
  const own = files.certificate === undefined ? [] : ['-cert', certificate, '-key', key];
  const words = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-verify_hostname', name];
  const client = spawn('openssl', [...words, '-CAfile', authority, '-verify_return_error', '-ign_eof', ...own]);
  const said = Promise.all([text(client.stdout), text(client.stderr)]);
  client.stdin.on('error', () => {});
  client.stdin.write('GET / HTTP/1.0\r\n\r\n');
  const [out, err] = await said;
  return out.includes('HTTP/1.0 200') && out.includes('Verify return code: 0 (ok)') ? undefined : `${out}${err}`;
}

/** The same with curl. */
async function byCurl(port: number, { certificate, key, authority }: Paths, files: TlsFiles, name: string) {
  const own = files.certificate === undefined ? [] : ['--cert', certificate, '--key', key];
  const words = ['--silent', '--show-error', '--fail', '--noproxy', '*', '--resolve', `${name}:${port}:127.0.0.1`, '--cacert', authority];
  const page = ask(directory(), 'curl', ...words, ...own, `https://${name}:${port}/`);
  return page.then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

/** Whether the certificate of one is good for the other, as `openssl verify` sees it. Undefined, or what it said instead. */
async function verified(shown: TlsFiles, trusting: TlsFiles, purpose: 'sslserver' | 'sslclient'): Promise<string | undefined> {
  if (shown.certificate === undefined || trusting.authority === undefined) return undefined;
  const { certificate } = await filed(shown);
  const { authority } = await filed(trusting);
  const answer = ask(directory(), 'openssl', 'verify', '-x509_strict', '-purpose', purpose, '-CAfile', authority, certificate);
  return answer.then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

interface Verdict {
  readonly verify: readonly (string | undefined)[];
  readonly sClient: string | undefined;
  readonly curl: string | undefined;
}

/** What OpenSSL and curl say of a client that asks a server. */
async function verdictOn(server: TlsFiles, client: TlsFiles, name: string): Promise<Verdict> {
  const verify = [await verified(server, client, 'sslserver'), await verified(client, server, 'sslclient')];
  const { port, process } = await serve(server);
  try {
    const paths = await filed(client);
    return { verify, sClient: await bySClient(port, paths, client, name), curl: await byCurl(port, paths, client, name) };
  } finally {
    process.kill();
    await once(process, 'exit');
  }
}

const TRUST: Verdict = { verify: [undefined, undefined], sClient: undefined, curl: undefined };

/** The ways whose certificates an authority issues. */
function concerned(site: SimulatedSite, authority: string): readonly Way[] {
  return waysOf(site).filter(({ what }) =>
    authority === 'vault' ? what.includes('store') : what === 'the operator asks the agent of another host' || what.includes('packages'),
  );
}

describe('OpenSSL and curl', () => {
  it.each(['site', 'vault'])(
    'see clients and servers trust each other before, during and after each phase of a rotation of "%s", and refuse what was before',
    async (authority) => {
      const { site, options } = await installedNow();
      const ways = concerned(site, authority);
      expect(ways.length).toBeGreaterThan(0);
      const look = (): Moment[] => ways.map(({ server, client }) => ({ server: filesOf(site, server), client: filesOf(site, client) }));
      const moments: Moment[][] = [];
      await rotateAuthority(options, authority, async () => {
        moments.push(look());
        return true;
      });
      moments.push(look());
      expect(moments).toHaveLength(4);
      for (const [index, { what, name }] of ways.entries()) {
        const at = moments.flatMap((moment) => moment[index] ?? []);
        // In a phase, one side has what it brings, and the other has not yet.
        for (const [phase, after] of at.slice(1).entries()) {
          const before = at[phase] ?? after;
          const where = `${what}, phase ${phase + 1}`;
          expect(await verdictOn(before.server, after.client, name), where).toEqual(TRUST);
          expect(await verdictOn(after.server, before.client, name), where).toEqual(TRUST);
          expect(await verdictOn(after.server, after.client, name), where).toEqual(TRUST);
        }
        const [old, last] = [at[0], at[3]];
        if (old === undefined || last === undefined) throw new Error('there are four moments');
        // The certificate from before is shown to whoever has finished, by a server and by a client.
        const oldServer = await verdictOn(old.server, last.client, name);
        expect(oldServer.verify[0], what).toContain('unable to get local issuer certificate');
        expect([oldServer.sClient, oldServer.curl], what).toEqual([expect.any(String), expect.stringContaining('certificate')]);
        const { certificate, key } = old.client;
        if (certificate === undefined || key === undefined) continue;
        const oldClient = await verdictOn(last.server, { ...last.client, certificate, key }, name);
        expect(oldClient.verify[1], what).toContain('unable to get local issuer certificate');
        expect([oldClient.sClient, oldClient.curl], what).toEqual([expect.any(String), expect.any(String)]);
      }
    },
  );
});
