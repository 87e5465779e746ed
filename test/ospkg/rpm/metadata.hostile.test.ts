import { describe, expect, it } from 'vitest';
import { CaissonError } from '../../../src/core/index.ts';
import { parseRichDependency } from '../../../src/ospkg/rpm/dependency.ts';
import { requireSignedPackage } from '../../../src/ospkg/rpm/package-signature.ts';
import { parseRepomd } from '../../../src/ospkg/rpm/repomd.ts';
import { parseRpmFile } from '../../../src/ospkg/rpm/rpm-file.ts';
import { RpmTable } from '../../../src/ospkg/rpm/package-table.ts';
import { splitPackageElements } from '../../../src/ospkg/rpm/split-elements.ts';
import { parseElement } from '../../../src/ospkg/rpm/xml.ts';
import { generateRepositoryKey } from '../../../src/ospkg/index.ts';
import fc from '../../support/fast-check.ts';
import { makeRpm } from '../../support/make-rpm.ts';
import { primaryElement } from '../../support/rpm-universe.ts';

function refuses(work: () => unknown): void {
  expect(work).toThrow(CaissonError);
}

describe('parseElement', () => {
  it.each([
    ['nothing', ''],
    ['no element', 'text'],
    ['no end', '<a>'],
    ['another end', '<a></b>'],
    ['an end that is cut short', '<a></a'],
    ['two roots', '<a/><b/>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an entity of its own', '<a>&b;</a>'],
    ['an entity without an end', '<a>&amp</a>'],
    ['a character that XML does not have', '<a>\u0001</a>'],
    ['the number of such a character', '<a>&#1;</a>'],
    ['half a character', '<a>&#xd800;</a>'],
    ['an open comment', '<a><!-- </a>'],
    ['an open CDATA', '<a><![CDATA[ </a>'],
    ['elements a thousand deep', `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`],
  ])('refuses %s', (_, text) => refuses(() => parseElement(text)));

  it('reads what it is made of, without prefixes', () => {
    const text = `<?xml version="1.0"?>\n<!-- x --><r:a xmlns:r="u" b='1 &lt; 2'>one<r:c/><![CDATA[<two>]]>&#x41;</r:a>`;
    expect(parseElement(text)).toMatchObject({ name: 'a', attributes: { b: '1 < 2' }, text: 'one<two>A', children: [{ name: 'c' }] });
  });

  it('ends for any text, with a value or an error of ours', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('<', '>', '/', 'a', ' ', '"', '=', '&', ';', '!', '-', '[', ']', '?')), (parts) => {
        try {
          parseElement(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(CaissonError);
        }
      }),
    );
  });
});

describe('splitPackageElements', () => {
  async function slices(...chunks: readonly string[]): Promise<readonly string[]> {
    const stream = async function* (): AsyncGenerator<Buffer> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    };
    const found: string[] = [];
    for await (const { bytes } of splitPackageElements(stream(), 'list')) found.push(bytes.toString());
    return found;
  }

  it('finds the same elements however the stream is cut', async () => {
    const text = '<metadata packages="2"><package a="1"><packager>x</packager></package>\n<package>y</package></metadata>';
    const whole = ['<package a="1"><packager>x</packager></package>', '<package>y</package>'];
    for (let at = 0; at <= text.length; at += 1) expect(await slices(text.slice(0, at), text.slice(at))).toEqual(whole);
    expect(await slices(...text)).toEqual(whole);
  });

  it('refuses an element that has no end', async () => {
    await expect(slices('<metadata><package><name>a</name>')).rejects.toMatchObject({ code: 'REPOSITORY_INVALID' });
    await expect(slices('<metadata><package')).rejects.toMatchObject({ code: 'REPOSITORY_INVALID' });
  });
});

describe('parseRepomd', () => {
  const file = (changes: string): Buffer => Buffer.from(`<repomd><data type="primary">${changes}</data></repomd>`);
  const sha256 = `<checksum type="sha256">${'a'.repeat(64)}</checksum>`;
  it.each([
    ['no XML', Buffer.from('x')],
    ['another document', Buffer.from('<html/>')],
    ['bytes that are no text', Buffer.from([0x3c, 0xff, 0x3e])],
    ['a weak digest', file(`<checksum type="sha">${'a'.repeat(40)}</checksum><location href="p"/>`)],
    ['no digest', file('<location href="p"/>')],
    ['no place', file(sha256)],
    ['a place outside', file(`${sha256}<location href="../p"/>`)],
    ['a place on this machine', file(`${sha256}<location href="/etc/passwd"/>`)],
    ['a place on another server', file(`${sha256}<location base="http://other.example" href="p"/>`)],
  ])('refuses %s', (_, bytes) => refuses(() => parseRepomd(bytes, 'repomd.xml')));
});

describe('parseRichDependency', () => {
  it.each([
    '',
    'a',
    '(a',
    '(a and)',
    '(a and b',
    '(a and b or c)',
    '(a else b)',
    '(a if b else c else d)',
    '(a and b) c',
    '(>= 1)',
    '(a >= and b)',
    '()',
  ])('refuses %j', (text) => refuses(() => parseRichDependency(text)));

  it('refuses a thousand parentheses', () => refuses(() => parseRichDependency(`${'('.repeat(1000)}a${')'.repeat(1000)}`)));

  it('keeps parentheses that are part of a name', () => {
    expect(parseRichDependency('(font(:lang=en) or lib(a)(64bit) >= 1.0)')).toMatchObject({
      kind: 'or',
      parts: [{ name: 'font(:lang=en)' }, { name: 'lib(a)(64bit)' }],
    });
  });
});

describe('RpmTable', () => {
  const base = { epoch: 0, version: '1', release: '1', architecture: 'noarch', files: [], relations: {} };
  const good = primaryElement({ ...base, name: 'good' });
  const origin = { repository: '', what: '', prefer: [], isHotfix: false, reopen: () => noBytes(), openFilelists: undefined };

  async function* noBytes(): AsyncGenerator<Buffer> {}

  it.each([
    ['a name with a slash', good.replace('<name>good<', '<name>../good<')],
    ['no name', good.replace('<name>good<', '<name><')],
    ['no version', good.replace('ver="1"', '')],
    ['a version with a blank', good.replace('ver="1"', 'ver="1 2"')],
    ['a place outside', good.replace('href="Packages/', 'href="../')],
    ['a weak digest', good.replace('sha256', 'md5')],
    ['a relation of several lines', good.replace('rpm:entry name="good"', 'rpm:entry name="go&#10;od"')],
    ['a rich dependency that cannot be read', good.replace(/<rpm:entry name="good"[^>]*>/, '<rpm:entry name="(a and"/>')],
  ])('leaves out a package with %s, and says why', (_, text) => {
    const table = new RpmTable();
    table.add({ offset: 0, bytes: Buffer.from(text) }, origin, () => true);
    table.add({ offset: 0, bytes: Buffer.from(good) }, origin, () => true);
    expect([table.length, table.unusable.length]).toEqual([1, 1]);
  });
});

describe('a package file', async () => {
  const key = await generateRepositoryKey({ userId: 'Vendor', date: new Date('2025-01-01T00:00:00Z') });
  const identity = { name: 'app', version: '1.0-1', architecture: 'noarch' };
  const bytes = await makeRpm({ name: 'app', version: '1.0', release: '1', architecture: 'noarch' }, key.privateKey);

  it('is believed whole', async () => {
    await expect(requireSignedPackage(bytes, identity, [key.publicKey], 'app.rpm')).resolves.toBeUndefined();
  });

  it('is refused cut short at any byte, by an error of ours', async () => {
    for (let length = 0; length < bytes.byteLength; length += 1) {
      const error = await requireSignedPackage(bytes.subarray(0, length), identity, [key.publicKey], 'app.rpm').catch(
        (reason: unknown) => reason,
      );
      expect(error, String(length)).toBeInstanceOf(CaissonError);
    }
  });

  it('is refused with any bit of its header or payload changed', async () => {
    const { headerAndPayload } = parseRpmFile(bytes, 'app.rpm');
    const start = bytes.byteLength - headerAndPayload.byteLength;
    for (let at = start; at < bytes.byteLength; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
      const error = await requireSignedPackage(changed, identity, [key.publicKey], 'app.rpm').catch((reason: unknown) => reason);
      expect(error, String(at)).toBeInstanceOf(CaissonError);
    }
  });

  it.each([
    ['without a signature', () => makeRpm({ name: 'app', version: '1.0', release: '1', architecture: 'noarch' }), identity],
    ['that is another package', async () => bytes, { ...identity, name: 'other' }],
    ['that is another version', async () => bytes, { ...identity, version: '1.0-2' }],
    ['of another epoch', async () => bytes, { ...identity, version: '1:1.0-1' }],
  ])('is refused %s', async (_, make, expected) => {
    await expect(requireSignedPackage(await make(), expected, [key.publicKey], 'app.rpm')).rejects.toMatchObject({
      code: 'REPOSITORY_UNTRUSTED',
    });
  });

  it('is refused with the key of somebody else, and without a key', async () => {
    const other = await generateRepositoryKey({ userId: 'Other', date: new Date('2025-01-01T00:00:00Z') });
    for (const keys of [[other.publicKey], []])
      await expect(requireSignedPackage(bytes, identity, keys, 'app.rpm')).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
  });
});
