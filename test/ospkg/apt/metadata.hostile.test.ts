import { describe, expect, it } from 'vitest';
import { CaissonError, fixedClock } from '../../../src/core/index.ts';
import { parseParagraph, splitParagraphs } from '../../../src/ospkg/apt/control-file.ts';
import { compareDebVersions, isDebVersion } from '../../../src/ospkg/apt/deb-version.ts';
import { parseReleaseFile } from '../../../src/ospkg/apt/release-file.ts';
import { verifyInRelease } from '../../../src/ospkg/release-signature.ts';
import { parseRelations } from '../../../src/ospkg/apt/requirement.ts';
import { generateRepositoryKey } from '../../../src/ospkg/index.ts';
import { codeOf, HOSTILE_BYTES, HOSTILE_TEXTS } from '../../support/hostile-texts.ts';
import { fakeRepository, NOW, stanza } from '../support.ts';

const fault = (reason: string): CaissonError => new CaissonError('REPOSITORY_INVALID', reason);
const OPTIONAL = [undefined, 'REPOSITORY_INVALID'];

describe('parseParagraph', () => {
  it.each(HOSTILE_TEXTS)('reads fields from %s, or refuses it', async (_, text) => {
    expect(OPTIONAL).toContain(await codeOf(() => parseParagraph(text, fault)));
  });

  it.each(['a', ':', 'A: 1\na: 2', '\0', 'A: 1\n:b'])('refuses %j', async (text) => {
    expect(await codeOf(() => parseParagraph(text, fault))).toBe('REPOSITORY_INVALID');
  });

  it('keeps a field with the name of what every object has apart', () => {
    expect(parseParagraph('__proto__: x\nConstructor: y', fault).get('__proto__')).toBe('x');
  });
});

describe('splitParagraphs', () => {
  it.each(HOSTILE_BYTES)('cuts %s into paragraphs, or refuses it', async (_, bytes) => {
    async function* chunks(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    }
    const drain = async (): Promise<void> => {
      for await (const paragraphs of splitParagraphs(chunks(), fault)) expect(Array.isArray(paragraphs)).toBe(true);
    };
    expect(OPTIONAL).toContain(await codeOf(drain));
  });
});

describe('parseReleaseFile', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseReleaseFile(text, 'Release'))).toBe('REPOSITORY_INVALID');
    for (const field of ['Date', 'Valid-Until']) {
      const release = (): unknown => parseReleaseFile(`Codename: a\n${field}: ${text.replaceAll('\n', ' ')}\nSHA256:\n`, 'Release');
      expect(OPTIONAL).toContain(await codeOf(release));
    }
  });

  it.each([
    `${'a'.repeat(64)} -1 main/x`,
    `${'a'.repeat(64)} 1e999 main/x`,
    `${'a'.repeat(64)} 9007199254740993000 main/x`,
    `${'a'.repeat(63)} 1 main/x`,
    `${'a'.repeat(64)} 1`,
  ])('refuses the line %j', async (line) => {
    const text = `Codename: a\nDate: Sat, 31 Jan 2026 12:00:00 UTC\nSHA256:\n ${line}\n`;
    expect(await codeOf(() => parseReleaseFile(text, 'Release'))).toBe('REPOSITORY_INVALID');
  });
});

describe('verifyInRelease', () => {
  it.each(HOSTILE_BYTES)('does not trust %s', async (_, bytes) => {
    const { publicKey } = await key;
    const verify = () => verifyInRelease(bytes, { keyring: Buffer.from(publicKey), now: NOW, what: 'InRelease' });
    expect(await codeOf(verify)).toBe('REPOSITORY_UNTRUSTED');
  });

  it.each(HOSTILE_BYTES)('takes no key from %s', async (_, bytes) => {
    const verify = () => verifyInRelease(Buffer.from('x'), { keyring: bytes, now: NOW, what: 'InRelease' });
    expect(await codeOf(verify)).toBe('REPOSITORY_UNTRUSTED');
  });
});

const key = generateRepositoryKey({ userId: 'Test', date: new Date('2026-01-01T00:00:00Z') });

describe('parseRelations and versions', () => {
  it.each(HOSTILE_TEXTS)('read %s, or refuse it', async (_, text) => {
    expect(OPTIONAL).toContain(await codeOf(() => parseRelations(text, 'amd64', 'Packages')));
    expect(OPTIONAL).toContain(await codeOf(() => parseRelations(`a (>= ${text})`, 'amd64', 'Packages')));
    expect(typeof isDebVersion(text)).toBe('boolean');
    expect(Number.isNaN(compareDebVersions(text, '1.0'))).toBe(false);
  });
});

describe('loadAptIndex', () => {
  it.each(HOSTILE_TEXTS)('refuses %s, though it is signed, or finds no package in it', async (_, text) => {
    const repository = await fakeRepository({ stanzas: [text] });
    expect([undefined, 'REPOSITORY_INVALID', 'REPOSITORY_UNTRUSTED']).toContain(await codeOf(() => repository.load(fixedClock(NOW))));
  });

  it.each([
    { Filename: '../../etc/passwd' },
    { Filename: '/etc/passwd' },
    { Filename: 'a\0b' },
    { Size: '-1' },
    { Size: '1e999' },
    { Size: '9007199254740993000' },
    { SHA256: '../x' },
    { Version: '1.0; reboot' },
    { Architecture: '../x' },
    { Package: '../x' },
    { Package: '__proto__' },
    { Package: 'a/b' },
  ])('leaves out a signed package with %j', async (fields) => {
    const repository = await fakeRepository({ stanzas: [stanza({ Package: 'app', ...fields })] });
    expect((await repository.load()).records).toHaveLength(0);
    expect(repository.warnings).toHaveLength(1);
  });
});
