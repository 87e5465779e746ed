import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/index.ts';
import { openBundle } from '../../../src/bundle/index.ts';
import { newerBundle, writeDelta } from '../../support/delta-bundle.ts';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { allow, makeKey, signerOf } from '../../support/signing-keys.ts';
import { writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const PASSPHRASE = 'correct horse';
const temp = useTempDir();
const file = (name: string): string => join(temp(), name);

beforeEach(async () => {
  await writeSmallBundle(file('bundle.tar'));
});

function lastResult(out: string): unknown {
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

describe('caisson sign', () => {
  it('adds a signature once, which inspect shows', async () => {
    const { key } = await signerOf(await makeKey(temp(), 'key'));
    const { status, out } = await caisson(['sign', file('bundle.tar'), '--sign-key', file('key'), '--json']);
    expect(status).toBe(0);
    expect(lastResult(out)).toMatchObject({ added: ['SHA256SUMS.sig'], keys: [key.fingerprint] });
    expect((await caisson(['sign', file('bundle.tar'), '--sign-key', file('key')])).out).toContain('has these signatures already');
    expect((await caisson(['inspect', file('bundle.tar')])).out).toContain(`signed by ${key.fingerprint}`);
  });

  it('needs a key', async () => {
    const { status, err } = await caisson(['sign', file('bundle.tar')]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('Cannot sign without --sign-key') });
  });

  it('takes the passphrase from a file that nobody else can read, and shows it nowhere', async () => {
    await makeKey(temp(), 'locked', PASSPHRASE);
    writeFileSync(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
    const argv = ['sign', file('bundle.tar'), '--sign-key', file('locked'), '--passphrase-file', file('passphrase'), '--debug'];
    for (const mode of [0o640, 0o604]) {
      chmodSync(file('passphrase'), mode);
      const { status, out, err } = await caisson(argv);
      expect({ mode, status, err }).toEqual({ mode, status: 3, err: expect.stringMatching(/passphrase".*read/) });
      expect(out + err).not.toContain(PASSPHRASE);
    }
    chmodSync(file('passphrase'), 0o600);
    const { status, out, err } = await caisson(argv);
    expect({ status, err }).toMatchObject({ status: 0 });
    expect(out + err).not.toContain(PASSPHRASE);
    writeFileSync(file('passphrase'), 'wrong\n');
    expect((await caisson(argv)).err).toContain('Error SIGNING_FAILED');
  });

  it('says what to do where nobody can be asked for the passphrase', async () => {
    await makeKey(temp(), 'locked', PASSPHRASE);
    const { status, err } = await caisson(['sign', file('bundle.tar'), '--sign-key', file('locked')]);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('--passphrase-file') });
  });

  it('asks on a terminal, and what is typed is not echoed', async () => {
    await makeKey(temp(), 'locked', PASSPHRASE);
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const printed = Promise.all([text(stdout), text(stderr)]);
    stderr.once('data', () => stdin.write(`${PASSPHRASE}\r`));
    const status = await runProgram({
      argv: ['sign', file('bundle.tar'), '--sign-key', file('locked')],
      env: {},
      stdin,
      stdout,
      stderr,
      signal: new AbortController().signal,
      self: { path: '/opt/caisson/main.js', argv: ['node', '/opt/caisson/main.js'], standalone: false },
      version: '1.2.3',
    });
    stdout.end();
    stderr.end();
    const [out, err] = await printed;
    expect({ status, err }).toEqual({ status: 0, err: expect.stringContaining(`Passphrase of ${file('locked')}`) });
    expect(out + err).not.toContain('horse');
  });

  it('refuses a key that others can read', async () => {
    chmodSync(await makeKey(temp(), 'open'), 0o644);
    const { status, err } = await caisson(['sign', file('bundle.tar'), '--sign-key', file('open')]);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('Error SECRET_EXPOSED') });
  });
});

describe('caisson verify, of who signed', () => {
  async function sign(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await makeKey(temp(), name);
      await caisson(['sign', file('bundle.tar'), '--sign-key', file(name)]);
    }
  }

  it('warns of an unsigned bundle, and refuses it when a signature is required', async () => {
    await makeKey(temp(), 'key');
    const allowed = await allow(temp(), ['key']);
    const lenient = await caisson(['verify', file('bundle.tar'), '--allowed-signers', allowed]);
    expect(lenient).toMatchObject({ status: 0, err: expect.stringContaining('is not signed') });
    const strict = await caisson(['verify', file('bundle.tar'), '--allowed-signers', allowed, '--require-signature']);
    expect(strict).toMatchObject({ status: 4, err: expect.stringContaining('Error SIGNATURE_MISSING') });
  });

  it('names the signer in text and in JSON', async () => {
    await sign('key', 'other');
    const allowed = await allow(temp(), ['key']);
    const argv = ['verify', file('bundle.tar'), '--allowed-signers', allowed, '--require-signature'];
    const { key } = await signerOf(file('key'));
    const told = await caisson(argv);
    expect(told).toMatchObject({
      status: 0,
      out: expect.stringContaining(`signed by ${key.fingerprint} (key@example.com), allowed by ${allowed}:1`),
    });
    expect(told.out).toMatch(/signed by SHA256:\S+ in SHA256SUMS\.2\.sig, which nobody vouched for/);
    expect(lastResult((await caisson([...argv, '--json'])).out)).toMatchObject({
      signatures: [
        { member: 'SHA256SUMS.sig', fingerprint: key.fingerprint, signer: 'allowed', principals: 'key@example.com', place: `${allowed}:1` },
        { member: 'SHA256SUMS.2.sig', signer: 'unknown' },
      ],
    });
  });

  it('warns of an unsigned bundle without allowed signers, too, and of no signed one', async () => {
    const unsigned = await caisson(['verify', file('bundle.tar')]);
    expect(unsigned).toMatchObject({ status: 0, err: expect.stringContaining('is not signed: it is whole, and nobody says whose it is') });
    await sign('key');
    expect((await caisson(['verify', file('bundle.tar')])).err).not.toContain('is not signed');
  });

  it('refuses a stranger and a revoked key, also when no signature is required', async () => {
    await sign('key');
    await makeKey(temp(), 'friend');
    const stranger = await caisson(['verify', file('bundle.tar'), '--allowed-signers', await allow(temp(), ['friend'])]);
    expect(stranger).toMatchObject({ status: 4, err: expect.stringContaining('Error SIGNER_UNKNOWN') });
    const argv = ['verify', file('bundle.tar'), '--allowed-signers', await allow(temp(), ['key'])];
    expect((await caisson(argv)).status).toBe(0);
    expect(await caisson([...argv, '--revoked', file('key.pub')])).toMatchObject({
      status: 4,
      err: expect.stringContaining('which is revoked'),
    });
  });

  it('takes a bad signature for a fault, whether or not anybody asked', async () => {
    await sign('key');
    const bytes = readFileSync(file('bundle.tar'));
    const at = bytes.indexOf('-----BEGIN SSH SIGNATURE-----\n') + 200;
    bytes.writeUInt8(bytes.readUInt8(at) === 0x41 ? 0x42 : 0x41, at);
    writeFileSync(file('bundle.tar'), bytes);
    const { status, err } = await caisson(['verify', file('bundle.tar')]);
    expect({ status, err }).toEqual({ status: 4, err: expect.stringMatching(/Error BUNDLE_DAMAGED[\s\S]*SHA256SUMS\.sig: /) });
  });

  it.each([[['--require-signature']], [['--revoked', 'keys']], [['--revoked', 'keys', '--require-signature']]])(
    'refuses %j without allowed signers with status 2',
    async (flags) => {
      expect(await caisson(['verify', file('bundle.tar'), ...flags])).toMatchObject({
        status: 2,
        err: expect.stringContaining('--allowed-signers'),
      });
    },
  );

  it('refuses files of trust with mistakes before it reads the bundle', async () => {
    writeFileSync(file('allowed'), 'alice nonsense\n');
    copyFileSync(file('allowed'), file('revoked'));
    expect(await caisson(['verify', '/nowhere', '--allowed-signers', file('allowed')])).toMatchObject({
      status: 3,
      err: expect.stringContaining('allowed:1:7: '),
    });
  });
});

describe('caisson verify, of a delta with its base', () => {
  async function bundles(): Promise<{ readonly old: string; readonly other: string; readonly delta: string }> {
    const [old, other] = [file('old.tar'), file('other.tar')];
    await writeSmallBundle(old, newerBundle('1.0', ['one']));
    await writeSmallBundle(other, newerBundle('1.0', ['two']));
    return { old, other, delta: await writeDelta(file('delta.tar'), newerBundle('1.1', ['one', 'three']), [old]) };
  }

  it('takes the base that it was made against, and a delta alone', async () => {
    const { old, other, delta } = await bundles();
    expect(await caisson(['verify', delta, old])).toMatchObject({ status: 0 });
    expect(await caisson(['verify', other, delta, old])).toMatchObject({ status: 0 });
    expect(await caisson(['verify', delta])).toMatchObject({ status: 0 });
  });

  it('refuses another bundle of its name, with both digests', async () => {
    const { old, other, delta } = await bundles();
    const [wanted, found] = await Promise.all(
      [old, other].map(async (path) => {
        const reader = await openBundle(path);
        await reader.close();
        return reader.bundleDigest;
      }),
    );
    const { status, err } = await caisson(['verify', other, delta]);
    expect(err).toContain(`Cannot use "${other}" as the base of "${delta}": it is`);
    expect(err).toContain(`bundle ${found}, want`);
    expect(err).toContain(`bundle ${wanted}`);
    expect(status).toBe(3);
    expect((await caisson(['serve', delta, other, '--listen', '127.0.0.1:0'])).err).toContain(`bundle ${found}, want`);
  });
});
