import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, verifyBundle, type BundlePlan, type VerifyReport } from '../../../src/bundle/index.ts';
import { digestOf, hexOf } from '../../../src/core/index.ts';
import { roundToBlock, tarHeader } from '../../../src/io/index.ts';
import { SMALL_BUNDLE_DATE, smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';

/** One member as bytes: header, data and padding. */
interface Piece {
  readonly path: string;
  readonly bytes: Buffer;
}

let directory: string;
let plan: BundlePlan;
let whole: Buffer;
let pieces: readonly Piece[];
const END = Buffer.alloc(1024);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-hostile-'));
  const path = join(directory, 'good.tar');
  plan = await writeSmallBundle(path);
  whole = readFileSync(path);
  pieces = plan.members.map((member) => ({ path: member.path, bytes: whole.subarray(member.headerOffset, member.end) }));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function verify(bytes: Buffer): Promise<VerifyReport> {
  const path = join(directory, 'bad.tar');
  writeFileSync(path, bytes);
  return verifyBundle(path);
}

function assemble(parts: readonly Piece[]): Buffer {
  return Buffer.concat([...parts.map(({ bytes }) => bytes), END]);
}

function lines({ findings }: VerifyReport): readonly string[] {
  return findings.map(({ member, reason }) => `${member}: ${reason}`);
}

type HeaderFields = Exclude<ConstructorParameters<typeof Header>[0], Buffer | undefined>;

function member(path: string, text: string, header: HeaderFields = {}): Piece {
  const block = Buffer.alloc(512);
  new Header({
    path,
    size: text.length,
    mode: 0o644,
    mtime: SMALL_BUNDLE_DATE,
    uid: 0,
    gid: 0,
    devmaj: 0,
    devmin: 0,
    type: 'File',
    ...header,
  }).encode(block);
  const data = Buffer.alloc(roundToBlock(text.length));
  data.write(text);
  return { path, bytes: Buffer.concat([block, data]) };
}

/** The bundle with one member's header written anew. */
function withHeader(path: string, header: HeaderFields): Buffer {
  return assemble(
    pieces.map((piece) => {
      if (piece.path !== path) return piece;
      const data = piece.bytes.subarray(512);
      const size = plan.members.find((found) => found.path === path)?.size ?? 0;
      return { path, bytes: Buffer.concat([member(path, '', { size, ...header }).bytes, data]) };
    }),
  );
}

function inserted(piece: Piece, index: number): Buffer {
  return assemble([...pieces.slice(0, index), piece, ...pieces.slice(index)]);
}

function placeOf(path: string): { readonly headerOffset: number; readonly offset: number; readonly end: number; readonly size: number } {
  const found = plan.members.find((candidate) => candidate.path === path);
  if (found === undefined) throw new Error(`the small bundle has ${path}`);
  return found;
}

/** Bytes of the bundle with some replaced; a shorter text leaves the rest. */
function patched(offset: number, text: string | Buffer): Buffer {
  const bytes = Buffer.from(whole);
  Buffer.from(text).copy(bytes, offset);
  return bytes;
}

describe('verifyBundle', () => {
  it('finds nothing in a good bundle, and gives its identity', async () => {
    const report = await verify(whole);
    expect(report).toMatchObject({
      findings: [],
      bundleDigest: plan.bundleDigest,
      name: 'lab',
      version: '1.2.3',
      size: plan.size,
      members: plan.members.length,
    });
  });

  it('blames exactly the one member whose data changed', async () => {
    for (const path of ['index.json', 'caisson', 'apt/debian-12/pool/alpha_1.0_amd64.deb', pieces.at(-1)?.path ?? '']) {
      const report = await verify(patched(placeOf(path).offset, '!'));
      expect(lines(report)).toEqual([
        expect.stringMatching(new RegExp(`^${path.replaceAll('.', '\\.')}: its bytes have the digest sha256:[0-9a-f]{64}, want sha256:`)),
      ]);
    }
  });

  it('reports every damaged member, not the first', async () => {
    const damaged = ['oci-layout', 'caisson', 'manifests/platform.yaml'];
    const bytes = Buffer.from(whole);
    for (const path of damaged) bytes.write('!', placeOf(path).offset);
    expect((await verify(bytes)).findings.map((finding) => finding.member).toSorted()).toEqual(damaged.toSorted());
  });

  it('sees padding that is not zero', async () => {
    const { offset, size } = placeOf('caisson');
    expect(lines(await verify(patched(offset + size, 'hidden')))).toEqual(['caisson: the zeros after its end are not zeros']);
  });

  it('sees end blocks that are not zero', async () => {
    expect((await verify(patched(plan.size - 600, 'hidden'))).findings).toContainEqual({
      member: '(bundle)',
      reason: 'the zeros after its end are not zeros',
    });
  });

  describe('of a truncated file', () => {
    it('names the member that is cut, and all that are missing', async () => {
      for (const [index, found] of plan.members.entries()) {
        for (const size of [found.headerOffset, found.headerOffset + 100, found.offset, found.offset + Math.floor(found.size / 2)]) {
          if (size === 0 || size >= found.offset + found.size) continue;
          const report = await verify(whole.subarray(0, size));
          const named = new Set(report.findings.map((finding) => finding.member));
          for (const { path } of plan.members.slice(index)) {
            if (index > 0 && !named.has(path))
              expect.unreachable(`cut at byte ${size}: ${path} is not named in ${lines(report).join('; ')}`);
          }
          expect(report.findings.length).toBeGreaterThan(0);
        }
      }
    });

    it.each([1, 511, 512, 513, 1023, 1024])('sees that %i bytes of the end are gone', async (count) => {
      const report = await verify(whole.subarray(0, whole.length - count));
      expect(lines(report)).toEqual([expect.stringMatching(/^\(bundle\): it is cut short: its end blocks have \d+ bytes, want 1024$/)]);
    });
  });

  describe('of a file with other members', () => {
    it.each<[string, () => Buffer, readonly RegExp[]]>([
      ['an extra member at the end', () => inserted(member('extra', 'x'), pieces.length), [/^extra: it is not listed in bundle.json$/]],
      [
        'an extra member in the middle',
        () => inserted(member('extra', 'x'), 8),
        [/^extra: it is not listed in bundle.json$/, /^\(bundle\): \d+ members lie elsewhere/],
      ],
      ['an extra member at the start', () => inserted(member('extra', 'x'), 0), [/^bundle.json: its first member is "extra"/]],
      [
        'a member behind the end',
        () => Buffer.concat([whole, member('extra', 'x').bytes, END]),
        [/^\(bundle\): 2048 bytes follow its end$/, /^extra: it lies behind the end/],
      ],
      ['bytes behind the end', () => Buffer.concat([whole, Buffer.from('x')]), [/^\(bundle\): 1 bytes follow its end$/]],
      ['a member twice', () => inserted(pieces[9] ?? member('', ''), 10), [/: it is there more than once, again at byte/]],
      [
        'a member twice, with other bytes',
        () => inserted(member('caisson', 'evil'), pieces.length),
        [/^caisson: its header says 4 bytes/, /^caisson: it is there more than once/, /^caisson: its bytes have the digest/],
      ],
      [
        'a member less',
        () => assemble(pieces.filter(({ path }) => path !== 'caisson')),
        [/^caisson: it is missing$/, /members lie elsewhere/],
      ],
      ['the last member less', () => assemble(pieces.slice(0, -1)), [/^blobs\/sha256\/[0-9a-f]+: (it is missing|its header is zeros)/]],
      [
        'two members in the other order',
        () => assemble([...pieces.slice(0, 6), ...pieces.slice(6, 8).toReversed(), ...pieces.slice(8)]),
        [/: it is out of order, at byte \d+$/],
      ],
      [
        'a name that leaves the directory',
        () => inserted(member('../../etc/cron.d/evil', 'x'), pieces.length),
        [/^\.\.\/\.\.\/etc\/cron\.d\/evil: its path is not safe: it has a "\.\." component$/],
      ],
      [
        'an absolute name',
        () => inserted(member('/etc/cron.d/evil', 'x'), pieces.length),
        [/^\/etc\/cron\.d\/evil: its path is not safe: it is absolute$/],
      ],
      [
        'a member renamed to leave the directory',
        () => withHeader('caisson', { mode: 0o755, path: '../caisson' }),
        [/^caisson: it is named "\.\.\/caisson"$/],
      ],
      [
        'a symbolic link',
        () => inserted(member('link', '', { type: 'SymbolicLink', linkpath: '/etc/shadow' }), pieces.length),
        [/^link: it is of type SymbolicLink to "\/etc\/shadow", and only regular files/],
      ],
      [
        'a hard link',
        () => inserted(member('link', '', { type: 'Link', linkpath: 'caisson' }), pieces.length),
        [/^link: it is of type Link to "caisson"/],
      ],
      ['a directory', () => inserted(member('apt', '', { type: 'Directory' }), pieces.length), [/^apt\/?: it is of type Directory/]],
      [
        'a device',
        () => inserted(member('null', '', { type: 'CharacterDevice', devmaj: 1, devmin: 3 }), pieces.length),
        [/^null: it is of type CharacterDevice/],
      ],
      [
        'a global pax header',
        () => inserted(member('g', '12 path=evil\n', { type: 'GlobalExtendedHeader' }), 8),
        [/^g: it is of type GlobalExtendedHeader/],
      ],
      [
        'a member turned into a link',
        () => withHeader('caisson', { type: 'SymbolicLink', linkpath: '/bin/sh' }),
        [/^caisson: it is of type SymbolicLink to "\/bin\/sh"/],
      ],
      ['a set-uid member', () => withHeader('caisson', { mode: 0o4755 }), [/^caisson: its mode is 4755, want 755$/]],
      [
        'a member of another owner',
        () => withHeader('caisson', { mode: 0o755, uid: 1000, uname: 'eve' }),
        [/^caisson: its owner is 1000:0 eve, want 0:0$/],
      ],
      [
        'a member of another time',
        () => withHeader('caisson', { mode: 0o755, mtime: new Date(0) }),
        [/^caisson: its time is not 2026-03-04T05:06:07Z$/],
      ],
      ['a member of another size', () => withHeader('caisson', { mode: 0o755, size: 7 }), [/^caisson: its header says 7 bytes, want 21$/]],
      [
        'a member of huge size',
        () => withHeader('caisson', { mode: 0o755, size: 2 ** 52 }),
        [/^caisson: its header says 4503599627370496 bytes, want 21$/],
      ],
      [
        'a member of negative size',
        () => withHeader('caisson', { mode: 0o755, size: -512 }),
        [/^caisson: its header says no valid number of bytes/],
      ],
      [
        'a foreign member of huge size',
        () => inserted(member('extra', '', { size: 2 ** 40 }), 8),
        [/^extra: it is not listed/, /^extra: its header says 1099511627776 bytes, which is more than the file holds$/],
      ],
      [
        'a foreign member of negative size',
        () => inserted(member('extra', '', { size: -1 }), pieces.length),
        [/^extra: its header says no valid number of bytes$/],
      ],
      [
        'a header in another form',
        () => withHeader('caisson', { mode: 0o755, gname: '', uname: '', devmaj: 1 }),
        [/^caisson: its header is not in canonical form$/],
      ],
    ])('refuses %s, and names it', async (_, make, expected) => {
      const report = await verify(make());
      for (const pattern of expected) expect(lines(report)).toContainEqual(expect.stringMatching(pattern));
    });

    it('blames nobody for a shift but the one who shifted', async () => {
      const report = await verify(inserted(member('extra', 'x'), 8));
      expect(report.findings).toHaveLength(2);
    });
  });

  describe('of a file whose lists are wrong', () => {
    const sumsOf = (): string =>
      whole.toString('utf8', placeOf('SHA256SUMS').offset, placeOf('SHA256SUMS').offset + placeOf('SHA256SUMS').size);

    it('blames SHA256SUMS when bytes and bundle.json agree', async () => {
      const line = sumsOf().indexOf('  caisson') - 1;
      const digit = sumsOf()[line] === '0' ? '1' : '0';
      const report = await verify(patched(placeOf('SHA256SUMS').offset + line, digit));
      expect(lines(report)).toEqual([expect.stringMatching(/^SHA256SUMS: it says sha256:\S+ for "caisson", whose bytes have sha256:/)]);
    });

    it('blames bundle.json when bytes and SHA256SUMS agree', async () => {
      const json = whole.toString('utf8', 512, 512 + placeOf('bundle.json').size);
      const at = json.indexOf('sha256:', json.indexOf('"path": "caisson"')) + 'sha256:'.length;
      const report = await verify(patched(512 + at, json[at] === '0' ? '1' : '0'));
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: it says sha256:\S+ for "caisson", whose bytes have/));
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: its bytes have the digest/));
      expect(new Set(report.findings.map((finding) => finding.member))).toEqual(new Set(['bundle.json']));
    });

    it('refuses lines in another order', async () => {
      const [one = '', two = '', ...rest] = sumsOf().split('\n');
      expect(lines(await verify(patched(placeOf('SHA256SUMS').offset, [two, one, ...rest].join('\n'))))).toEqual([
        'SHA256SUMS: it is not in canonical form',
      ]);
    });

    it('refuses an origin that was rewritten', async () => {
      const at = whole.indexOf('"origin": "registry.example"');
      const report = await verify(patched(at, '"origin": "registry.examplf"'));
      expect(lines(report)).toEqual([expect.stringMatching(/^bundle.json: its bytes have the digest/)]);
    });

    it('goes by SHA256SUMS when bundle.json cannot be read, and still finds the other faults', async () => {
      const bytes = patched(512, 'not json');
      bytes.write('!', placeOf('caisson').offset);
      const report = await verify(bytes);
      expect(lines(report)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^bundle.json: it is not JSON/),
          expect.stringMatching(/^caisson: its bytes have the digest/),
        ]),
      );
      expect(new Set(report.findings.map((finding) => finding.member))).toEqual(new Set(['bundle.json', 'caisson']));
      expect(report.name).toBeUndefined();
      expect(report.members).toBe(plan.members.length);
    });

    it('goes on without the header of bundle.json, and without SHA256SUMS', async () => {
      const bytes = Buffer.from(whole);
      bytes.fill('x', 0, 512);
      bytes.fill('x', placeOf('SHA256SUMS').headerOffset, placeOf('SHA256SUMS').offset);
      const last = pieces.at(-1)?.path ?? '';
      bytes.write('!', placeOf(last).offset);
      const report = await verify(bytes);
      expect(lines(report)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^bundle.json: it does not begin with the header of a tar member/),
          expect.stringMatching(/^bundle.json: bytes 0 to \d+ belong to no member$/),
          expect.stringMatching(new RegExp(`^${last}: its bytes have the digest`)),
        ]),
      );
      expect(report.bundleDigest).toBeUndefined();
    });

    it('refuses a bundle whose lists agree and whose entries are not sorted', async () => {
      const report = await verify(rebuilt((manifest) => ({ ...manifest, entries: [...manifest.entries].reverse() })));
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: its bundle.json is not in canonical form: entry 0 is/));
    });

    it('refuses a bundle whose lists agree and whose images lack a blob', async () => {
      const report = await verify(
        rebuilt((manifest) => ({
          ...manifest,
          images: [{ ...manifest.images[0], root: { mediaType: 'x', digest: digestOf('x'), size: 1 } }],
        })),
      );
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: .*it is missing, and image/));
    });

    it('refuses a bundle whose lists agree and whose entries overlap', async () => {
      const report = await verify(
        rebuilt((manifest) => ({
          ...manifest,
          entries: manifest.entries.map((entry) => ({ ...entry, offset: manifest.entries[0]?.offset })),
        })),
      );
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: .*is said to lie at byte/));
    });

    it('says that it does not know the format of a sound bundle of another one', async () => {
      await expect(verify(rebuilt((manifest) => ({ ...manifest, apiVersion: 'caisson.bundle/v9' })))).rejects.toMatchObject({
        code: 'BUNDLE_VERSION_UNKNOWN',
      });
    });

    it('calls a damaged version damage', async () => {
      const report = await verify(patched(whole.indexOf('bundle/v1'), 'bundle/v9'));
      expect(lines(report)).toContainEqual(expect.stringMatching(/^bundle.json: its format is "caisson.bundle\/v9"/));
    });

    /** A bundle by somebody else's program: other bundle.json, and SHA256SUMS that vouches for it. */
    function rebuilt(change: (manifest: BundlePlan['manifest']) => object): Buffer {
      const json = Buffer.alloc(placeOf('bundle.json').size, ' ');
      json.write(`${JSON.stringify(change(plan.manifest), undefined, 1)}\n`);
      const sums = sumsOf().replace(/^[0-9a-f]{64}/, hexOf(digestOf(json)));
      const bytes = patched(512, json);
      bytes.write(sums, placeOf('SHA256SUMS').offset);
      return bytes;
    }
  });

  it.each<[string, Buffer]>([
    ['nothing: it is empty', Buffer.alloc(0)],
    ['the text "hello"', Buffer.from('hello')],
    ['the text "xxxxxxxxxxxxxxxxxxxxxxxx"', Buffer.alloc(5000, 'x')],
    ['the text "{ "name": "x" }"', Buffer.from('{\n  "name": "x"\n}')],
    ['zeros', Buffer.alloc(5120)],
    ['gzip data', gzipSync('a bundle')],
    ['a zip archive', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(600)])],
    ['a key, a certificate or a signature in text form', Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\n')],
    ['the bytes 00 01 02 03', Buffer.from([0, 1, 2, 3])],
    [
      'the member "manifest.json" of a tar archive',
      Buffer.concat([member('manifest.json', '[]').bytes, member('layer.tar', 'x').bytes, END]),
    ],
  ])('calls a file that begins with %s no bundle', async (beginning, bytes) => {
    await expect(verify(bytes)).rejects.toMatchObject({
      code: 'BUNDLE_DAMAGED',
      message: expect.stringMatching(/^Cannot verify "[^"]+": it is no Caisson bundle: it begins with /),
    });
    await expect(verify(bytes)).rejects.toThrow(`it begins with ${beginning}`);
  });

  it('stops counting at some number of faults', async () => {
    const noise = Buffer.concat(
      Array.from({ length: 12_000 }, (_, index) => tarHeader({ path: `x${index}`, size: 0, mode: 0o644 }, SMALL_BUNDLE_DATE)),
    );
    const report = await verify(Buffer.concat([whole.subarray(0, plan.size - 1024), noise, END]));
    expect(report.findings.length).toBeLessThan(13_000);
    expect(lines(report)).toContainEqual(expect.stringMatching(/more than 10000 faults/));
  });

  it('never opens a bundle of which verify says that its list or size is wrong', async () => {
    for (const bytes of [inserted(member('extra', 'x'), 8), assemble(pieces.slice(0, -1)), Buffer.concat([whole, END])]) {
      const path = join(directory, 'bad.tar');
      writeFileSync(path, bytes);
      await expect(openBundle(path)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    }
  });

  it('is about the same bundle that the writer made', () => {
    expect(smallBundle().input.files.length + 5).toBe(plan.members.length);
  });
});
