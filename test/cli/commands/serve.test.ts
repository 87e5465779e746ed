import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { CommandContext, CommandOutput } from '../../../src/cli/command.ts';
import { registerServe } from '../../../src/cli/commands/serve.ts';
import { signBundle } from '../../../src/bundle/index.ts';
import { silent, systemClock, type Emit, type Event } from '../../../src/core/index.ts';
import { makeRepositoryKey } from '../../../src/depot/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { allow, makeKey, signerOf } from '../../support/signing-keys.ts';
import { writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

/** Runs `serve` with these words; `during` runs while it serves, and then it is stopped. */
async function serve(
  words: readonly string[],
  during: (output: CommandOutput) => Promise<void> = async () => {},
  emit: Emit = silent,
): Promise<CommandOutput> {
  const stop = new AbortController();
  let printed: CommandOutput | undefined;
  const context: CommandContext = {
    signal: stop.signal,
    emit,
    clock: systemClock,
    env: {},
    self: { path: '/caisson', argv: [], standalone: false },
    machines: undefined,
    version: '0',
    commit: undefined,
    readNotices: undefined,
    confirm: async () => false,
    askSecret: async () => undefined,
    readStdin: async () => new Uint8Array(),
    print(output) {
      printed = output;
      during(output).then(
        () => stop.abort(),
        (error: unknown) => stop.abort(error),
      );
    },
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerServe(program, (work) => work(context));
  await program.parseAsync(['serve', ...words], { from: 'user' });
  if (stop.signal.reason instanceof Error && stop.signal.reason.name !== 'AbortError') throw stop.signal.reason;
  if (printed === undefined) throw new Error('nothing was printed');
  return printed;
}

function urlOf(output: CommandOutput): string {
  const url = /https?:\/\/\S+/.exec(output.text)?.[0];
  if (url === undefined) throw new Error(`no address in ${output.text}`);
  return url;
}

async function statusOf(url: string, ca?: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? httpsGet : httpGet;
    get(url, { agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

describe('caisson serve', () => {
  const directory = useTempDir();

  async function bundle(): Promise<string> {
    const path = join(directory(), 'bundle.tar');
    await writeSmallBundle(path);
    return path;
  }

  it('serves on loopback over http, says how to use it, and ends when told to', async () => {
    const output = await serve([await bundle(), '--listen', '127.0.0.1:0'], async (started) => {
      expect(await statusOf(`${urlOf(started)}/healthz`)).toBe(200);
    });
    expect(output.text).toMatch(/docker pull 127\.0\.0\.1:\d+\//);
    expect(output.text).toMatch(/http:\/\/127\.0\.0\.1:\d+\/apt\/debian-12, signed with .*\/key\.asc/);
    expect(output.data).toMatchObject({ bundles: [{ name: 'lab', version: '1.2.3', signedBy: [] }] });
    expect(output.text).toMatch(/^Serving lab 1\.2\.3 .*\n {2}not signed$/m);
    await expect(statusOf(`${urlOf(output)}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('names the keys that signed', async () => {
    const path = await bundle();
    const signer = await signerOf(await makeKey(directory(), 'key'));
    await signBundle(path, [signer]);
    const output = await serve([path, '--listen', '127.0.0.1:0']);
    expect(output.text).toContain(`  signed by ${signer.key.fingerprint} in SHA256SUMS.sig, which nobody vouched for`);
    expect(output.data).toMatchObject({ bundles: [{ signedBy: [signer.key.fingerprint] }] });
  });

  it('serves only what an allowed signer signed, where signers are named', async () => {
    const path = await bundle();
    const words = [path, '--listen', '127.0.0.1:0', '--allowed-signers'];
    await makeKey(directory(), 'release');
    const allowed = await allow(directory(), ['release']);
    await expect(serve([...words, allowed])).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await signBundle(path, [await signerOf(await makeKey(directory(), 'stranger'))]);
    await expect(serve([...words, allowed])).rejects.toMatchObject({ code: 'SIGNER_UNKNOWN' });
    const signer = await signerOf(join(directory(), 'release'));
    await signBundle(path, [signer]);
    const output = await serve([...words, allowed]);
    expect(output.text).toContain(`  signed by ${signer.key.fingerprint} (`);
    expect(output.text).toContain(`allowed by ${allowed}:1`);
    await expect(serve([...words, allowed, '--revoked', join(directory(), 'release.pub')])).rejects.toMatchObject({
      code: 'SIGNER_UNKNOWN',
    });
    await expect(serve([...words, allowed, '--online'])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('--allowed-signers with --online'),
    });
  });

  it.each([['0.0.0.0:0'], [':0'], ['[::]:0'], ['192.0.2.1:0'], ['depot.example:5000']])('refuses %s without TLS', async (listen) => {
    await expect(serve([await bundle(), '--listen', listen])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('without TLS'),
    });
  });

  it.each([['5000'], ['host'], ['host:99999'], ['::1:5000x'], ['a b:1']])('refuses the address %s', async (listen) => {
    await expect(serve([await bundle(), '--listen', listen])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('HOST:PORT'),
    });
  });

  it('makes an authority and a certificate for every address, and keeps the authority', async () => {
    const state = join(directory(), 'state');
    const words = [await bundle(), '--listen', '0.0.0.0:0', '--tls-generate', '--tls-name', 'depot.example', '--state', state];
    const output = await serve(words, async (started) => {
      const ca = await readFile(join(state, 'ca.crt'), 'utf8');
      const { port } = new URL(urlOf(started));
      expect(await statusOf(`https://127.0.0.1:${port}/healthz`, ca)).toBe(200);
      expect(await statusOf(`https://localhost:${port}/healthz`, ca)).toBe(200);
    });
    expect(output.text).toContain(join(state, 'ca.crt'));
    expect(output.text).toMatch(/SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}/);
    const kept = await Promise.all(
      ['ca.crt', 'ca.key', 'tls.crt', 'tls.key', 'repository.key', 'repository.asc'].map((name) => readFile(join(state, name), 'utf8')),
    );
    expect((await stat(join(state, 'ca.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(state, 'repository.key'))).mode & 0o777).toBe(0o600);
    await serve(words);
    expect(
      await Promise.all(
        ['ca.crt', 'ca.key', 'tls.crt', 'tls.key', 'repository.key', 'repository.asc'].map((name) => readFile(join(state, name), 'utf8')),
      ),
    ).toEqual(kept);
  });

  it('warns of a kept authority that ends soon, and does not replace it', async () => {
    const state = join(directory(), 'state');
    await mkdir(state);
    const authority = await createAuthority({ commonName: 'CA', days: 300, clock: systemClock });
    await writeFile(join(state, 'ca.key'), authority.key, { mode: 0o600 });
    await writeFile(join(state, 'ca.crt'), authority.certificate);
    const events: Event[] = [];
    const words = [await bundle(), '--listen', '127.0.0.1:0', '--tls-generate', '--state', state];
    await serve(words, undefined, (event) => events.push(event));
    expect(events).toContainEqual({ type: 'warning', message: expect.stringMatching(/ca\.crt" ends on .*, in (?:299|300) days/) });
    expect(await readFile(join(state, 'ca.crt'), 'utf8')).toBe(authority.certificate);
  });

  it('uses the certificate and the repository key that are given', async () => {
    const authority = await createAuthority({ commonName: 'CA', days: 2, clock: systemClock });
    const pair = await issueCertificate(authority, {
      commonName: 'x',
      dnsNames: [],
      addresses: ['127.0.0.1'],
      usages: 'server',
      days: 1,
      clock: systemClock,
    });
    const repository = await makeRepositoryKey();
    const file = async (name: string, text: string, mode = 0o600) => {
      await mkdir(directory(), { recursive: true });
      await writeFile(join(directory(), name), text, { mode });
      return join(directory(), name);
    };
    const [certificate, key] = [await file('tls.crt', pair.certificate, 0o644), await file('tls.key', pair.key)];
    const words = [await bundle(), '--listen', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key];
    words.push('--repository-key', await file('repository.key', repository.privateKey));
    await expect(serve(words)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID', message: expect.stringContaining('public key') });
    await file('repository.asc', repository.publicKey, 0o644);
    await serve(words, async (started) => {
      expect(await statusOf(`${urlOf(started)}/apt/debian-12/dists/bookworm/InRelease`, authority.certificate)).toBe(200);
    });
  });

  it.each([['--tls-key'], ['--repository-key']])('refuses a file for %s that everybody can read', async (flag) => {
    const key = join(directory(), 'secret.key');
    await writeFile(key, 'secret');
    await chmod(key, 0o644);
    const certificate = join(directory(), 'tls.crt');
    await writeFile(certificate, '');
    const words = flag === '--tls-key' ? ['--tls-cert', certificate, flag, key] : [flag, key];
    await expect(serve([await bundle(), '--listen', '127.0.0.1:0', ...words])).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });

  it.each([[['--tls-cert', 'x']], [['--tls-key', 'x']], [['--tls-cert', 'x', '--tls-key', 'y', '--tls-generate']]])(
    'refuses %j',
    async (words) => {
      await expect(serve([await bundle(), ...words])).rejects.toMatchObject({ code: 'USAGE' });
    },
  );

  it('names a bundle that is not there', async () => {
    await expect(serve([join(directory(), 'absent.tar'), '--listen', '127.0.0.1:0'])).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
