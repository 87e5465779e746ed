import { gzipSync } from 'node:zlib';
import { generateKey, sign, createMessage, readPrivateKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { digestOf, fixedClock, hexOf, type Event } from '../../../src/core/index.ts';
import { closePackages } from '../../../src/ospkg/apt/closure.ts';
import { loadAptIndex } from '../../../src/ospkg/apt/load-index.ts';
import { signRelease } from '../../../src/ospkg/apt/sign-repo.ts';
import { dearmor, generateRepositoryKey } from '../../../src/ospkg/index.ts';
import { fakeRepository, listed, NOW, stanza, stanzasOf } from '../support.ts';

const ROOT = 'http://test.invalid/debian/dists/stable';
const DAY = 24 * 60 * 60 * 1000;
const APP = [stanza({ Package: 'app', Version: '2.0-1', Source: 'app-source (2.0)', Description: 'Zürich' })];

function textOf(files: ReadonlyMap<string, Buffer>, path: string): string {
  return files.get(`${ROOT}/${path}`)?.toString() ?? '';
}

/** The Release text inside an InRelease file made by us, which has no dashes to escape. */
function signedText(inRelease: string): string {
  return inRelease.slice(inRelease.indexOf('\n\n') + 2, inRelease.indexOf('\n-----BEGIN PGP SIGNATURE-----'));
}

describe('loadAptIndex', () => {
  it('reads records and says which state of the suite they are from', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const index = await repository.load();
    const [app] = index.records;
    expect(app).toMatchObject({
      name: 'app',
      version: '2.0-1',
      architecture: 'amd64',
      source: { name: 'app-source', version: '2.0' },
    });
    const { packages } = await closePackages(index, { sets: [{ name: 'x', packages: ['app'] }], base: { priorities: [] } });
    expect(packages[0]?.record).toEqual({
      name: 'app',
      version: '2.0-1',
      architecture: 'amd64',
      source: { name: 'app-source', version: '2.0' },
      repository: 'http://test.invalid/debian',
      filename: 'pool/app_2.0-1_amd64.deb',
      size: 100,
      digest: digestOf('app 2.0-1'),
      stanza: APP[0],
    });
    const inRelease = repository.files.get(`${ROOT}/InRelease`) ?? Buffer.alloc(0);
    expect(index.releases).toEqual([
      {
        url: 'http://test.invalid/debian',
        suite: 'stable',
        codename: 'stable',
        date: NOW.toISOString().replace('.000', '.000'),
        digest: digestOf(inRelease),
      },
    ]);
  });

  it('says what it reads, how many packages that has and how long it took', async () => {
    const repository = await fakeRepository({ stanzas: [...APP, stanza({ Package: 'lib' })] });
    const events: Event[] = [];
    let time = 1000;
    const clock = { ...fixedClock(NOW), monotonic: () => (time += 250) };
    await loadAptIndex([repository.source], {
      ...{ architecture: 'amd64', fetch: repository.fetch, clock },
      emit: (event) => void events.push(event),
    });
    const head = { id: 'packages:http://test.invalid/debian/stable/main', title: 'Packages of stable/main' };
    expect(events).toEqual([
      { type: 'task.started', ...head },
      { type: 'task.finished', ...head, summary: '2 packages', ms: 250 },
    ]);
  });

  it('asks by digest when the release offers it, and by name when the server has no such file', async () => {
    const repository = await fakeRepository({ stanzas: APP, fields: ['Acquire-By-Hash: yes'] });
    const zipped = repository.files.get(`${ROOT}/main/binary-amd64/Packages.gz`) ?? Buffer.alloc(0);
    const byDigest = `main/binary-amd64/by-hash/SHA256/${hexOf(digestOf(zipped))}`;
    expect((await repository.load()).records).toHaveLength(1);
    expect(repository.asked).toEqual(['InRelease', byDigest, 'main/binary-amd64/Packages.gz'].map((path) => `dists/stable/${path}`));
    repository.files.set(`${ROOT}/${byDigest}`, zipped);
    repository.files.delete(`${ROOT}/main/binary-amd64/Packages.gz`);
    expect((await repository.load()).records).toHaveLength(1);
  });

  it('takes the plain index when the server has no compressed one', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    repository.files.delete(`${ROOT}/main/binary-amd64/Packages.gz`);
    expect((await repository.load()).records).toHaveLength(1);
  });

  it('reads the index of packages for all architectures where the suite keeps it apart, and only there', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    const shared = gzipSync(`${stanza({ Package: 'docs', Architecture: 'all' })}\n\n`);
    repository.files.set(`${ROOT}/main/binary-all/Packages.gz`, shared);
    const apart = `${release.replace('Architectures: amd64', 'Architectures: all amd64')}\n${listed('main/binary-all/Packages.gz', shared)}`;
    await repository.sign(apart);
    expect([...(await repository.load()).records].map(({ name }) => name)).toEqual(['app', 'docs']);
    await repository.sign(`No-Support-for-Architecture-all: Packages\n${apart}`);
    expect([...(await repository.load()).records].map(({ name }) => name)).toEqual(['app']);
  });

  it('trusts a keyring in binary form as it does one in text form', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const source = { ...repository.source, keyring: dearmor(Buffer.from(repository.source.keyring).toString()) };
    const index = await loadAptIndex([source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) });
    expect(index.records).toHaveLength(1);
  });

  it('tells what a component has wrong once, not again with the next one', async () => {
    const broken = stanza({ Package: 'broken', Size: 'much' });
    const repository = await fakeRepository({ stanzas: [...APP, broken] });
    const release = signedText(textOf(repository.files, 'InRelease'));
    const more = gzipSync(`${stanza({ Package: 'more' })}\n\n`);
    repository.files.set(`${ROOT}/contrib/binary-amd64/Packages.gz`, more);
    await repository.sign(`${release}\n${listed('contrib/binary-amd64/Packages.gz', more)}`);
    const warnings: string[] = [];
    await loadAptIndex([{ ...repository.source, components: ['main', 'contrib'] }], {
      ...{ architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) },
      emit: (event) => void (event.type === 'warning' && warnings.push(event.message)),
    });
    expect(warnings).toEqual([expect.stringContaining('broken')]);
  });

  it('finds the component by the list of files, whatever the field of components says', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    await repository.sign(release.replace('Components: main', 'Components: updates/main'));
    expect((await repository.load()).records).toHaveLength(1);
  });

  it('reads a Release with a detached signature where there is no InRelease', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const keys = await generateRepositoryKey({ userId: 'Old style', date: new Date(NOW.getTime() - DAY) });
    const release = signedText(textOf(repository.files, 'InRelease'));
    const { signature } = await signRelease(release, keys.privateKey, NOW);
    repository.files.delete(`${ROOT}/InRelease`);
    repository.files.set(`${ROOT}/Release`, Buffer.from(release));
    const source = { ...repository.source, keyring: Buffer.from(keys.publicKey) };
    const load = async () => await loadAptIndex([source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) });
    await expect(load()).rejects.toMatchObject({
      code: 'REPOSITORY_UNTRUSTED',
      message: expect.stringContaining('no signature'),
      hint: expect.stringContaining('sign it'),
    });
    repository.files.set(`${ROOT}/Release.gpg`, Buffer.from(signature));
    expect((await load()).records).toHaveLength(1);
    repository.files.set(`${ROOT}/Release`, Buffer.from(release.replace('Origin: Test', 'Origin: Tset')));
    await expect(load()).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
  });
});

describe('a repository that cannot be trusted', () => {
  it.each([
    ['a changed byte', (text: string) => text.replace('Origin: Test', 'Origin: Tost')],
    ['a signature that is cut short', (text: string) => text.slice(0, -60)],
    ['a text that is cut short', (text: string) => text.slice(0, 200)],
    ['no signature at all', (text: string) => signedText(text)],
    ['nothing in the file', () => ''],
    ['a page of a captive portal', () => '<html><body>Log in</body></html>'],
    ['an empty signature', (text: string) => text.replace(/(BEGIN PGP SIGNATURE-----\n)[\s\S]*(\n-----END)/, '$1$2')],
  ])('is refused for %s', async (_, change) => {
    const repository = await fakeRepository({ stanzas: APP });
    repository.files.set(`${ROOT}/InRelease`, Buffer.from(change(textOf(repository.files, 'InRelease'))));
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED', exitStatus: 4 });
    expect(repository.asked).toEqual(['dists/stable/InRelease']);
  });

  it('is refused when another key has signed', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const stranger = await generateRepositoryKey({ userId: 'Stranger', date: new Date(NOW.getTime() - DAY) });
    const source = { ...repository.source, keyring: Buffer.from(stranger.publicKey) };
    await expect(loadAptIndex([source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) })).rejects.toMatchObject({
      code: 'REPOSITORY_UNTRUSTED',
    });
  });

  it('is refused when its keyring is none', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    for (const keyring of [Buffer.alloc(0), Buffer.from('not a keyring'), Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----\n')]) {
      await expect(
        loadAptIndex([{ ...repository.source, keyring }], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) }),
      ).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
    }
  });

  it('is accepted when one of several signatures is by a key of the keyring', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const stranger = await generateRepositoryKey({ userId: 'Stranger', date: new Date(NOW.getTime() - DAY) });
    const keyring = Buffer.concat([Buffer.from(stranger.publicKey), Buffer.from('\n'), repository.source.keyring]);
    const index = await loadAptIndex([{ ...repository.source, keyring }], {
      architecture: 'amd64',
      fetch: repository.fetch,
      clock: fixedClock(NOW),
    });
    expect(index.records).toHaveLength(1);
  });

  it('is not believed beyond what is signed: text around the signed part is ignored or refused', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const evil = gzipSync(`${stanza({ Package: 'evil' })}\n\n`);
    repository.files.set(`${ROOT}/evil/binary-amd64/Packages.gz`, evil);
    const text = textOf(repository.files, 'InRelease');
    const claim = `SHA256:\n${listed('evil/binary-amd64/Packages.gz', evil)}\n`;
    for (const around of [`${claim}\n${text}`, `${text}\n${claim}`, text.replace('\n\n', `\n${claim}\n\n`)]) {
      repository.files.set(`${ROOT}/InRelease`, Buffer.from(around));
      const source = { ...repository.source, components: ['evil'] };
      await expect(
        loadAptIndex([source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^REPOSITORY_(UNTRUSTED|INVALID)$/) });
    }
  });

  it('is refused when the file is a signed message of another kind', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const { privateKey } = await generateKey({ userIDs: [{ name: 'x' }], format: 'armored' });
    const message = await createMessage({ text: 'Origin: Test\n' });
    const armored = await sign({ message, signingKeys: await readPrivateKey({ armoredKey: privateKey }) });
    repository.files.set(`${ROOT}/InRelease`, Buffer.from(armored));
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
  });
});

describe('time', () => {
  it('refuses a release after its Valid-Until, by the given clock', async () => {
    const fields = [`Valid-Until: ${new Date(NOW.getTime() + DAY).toUTCString().replace('GMT', 'UTC')}`];
    const repository = await fakeRepository({ stanzas: APP, fields });
    expect((await repository.load()).records).toHaveLength(1);
    await expect(repository.load(fixedClock(NOW.getTime() + 2 * DAY))).rejects.toMatchObject({ code: 'REPOSITORY_EXPIRED', exitStatus: 5 });
  });

  it('refuses a release that says it is from the future', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    await repository.sign(release.replace(/Date: .*/, 'Date: Sat, 20 Nov 2027 12:00:00 UTC'));
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_EXPIRED', message: expect.stringContaining('2027') });
  });

  it('refuses a signature made in the future', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    await repository.sign(signedText(textOf(repository.files, 'InRelease')), new Date(NOW.getTime() + DAY));
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
  });

  it.each(['yesterday', '2026-11-20', '99 Foo 2026 12:00:00 UTC', 'Fri, 20 Nov 2026 12:00:00 CET', ''])(
    'warns of the Date %j, and takes the time of the signature',
    async (date) => {
      const repository = await fakeRepository({ stanzas: APP });
      const release = signedText(textOf(repository.files, 'InRelease'));
      await repository.sign(release.replace(/Date: .*/, `Date: ${date}`));
      expect((await repository.load()).releases).toMatchObject([{ date: NOW.toISOString() }]);
      expect(repository.warnings).toEqual([expect.stringContaining('has no Date that can be read')]);
    },
  );
});

describe('a signed release that does not fit', () => {
  it.each([
    ['with old hashes alone', (text: string) => text.replace('SHA256:', 'SHA1:'), 'neither a SHA256 nor a SHA512 section'],
    ['with a Valid-Until that is none', (text: string) => `Valid-Until: some day\n${text}`, 'is not a date in UTC'],
    ['with a malformed hash', (text: string) => text.replace(/^ [0-9a-f]{64}/m, ' 0123'), 'is not a digest'],
    ['with a field twice', (text: string) => `${text}\nSuite: stable`, 'twice'],
  ])('is refused: %s', async (_, change, message) => {
    const repository = await fakeRepository({ stanzas: APP });
    await repository.sign(change(signedText(textOf(repository.files, 'InRelease'))));
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_INVALID', message: expect.stringContaining(message) });
  });

  it('is warned of when it calls itself otherwise than it was asked for', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    await repository.sign(release.replaceAll(': stable', ': oldstable'));
    expect((await repository.load()).records).toHaveLength(1);
    await repository.sign(release.replace(/(?:Suite|Codename): stable\n/g, ''));
    expect((await repository.load()).releases).toMatchObject([{ codename: 'stable' }]);
    expect(repository.warnings).toEqual([
      `"${ROOT}/InRelease" was asked for as "stable" and calls itself "oldstable"`,
      `"${ROOT}/InRelease" was asked for as "stable" and calls itself nothing`,
    ]);
  });

  it('says which components and architectures there are', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const options = { fetch: repository.fetch, clock: fixedClock(NOW) };
    await expect(
      loadAptIndex([{ ...repository.source, components: ['contrib'] }], { ...options, architecture: 'amd64' }),
    ).rejects.toMatchObject({ code: 'REPOSITORY_INVALID', hint: 'It offers components main for architectures amd64' });
    await expect(loadAptIndex([repository.source], { ...options, architecture: 'arm64' })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
  });

  it('names the address where no repository is', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const source = { ...repository.source, suites: ['nosuch'] };
    await expect(loadAptIndex([source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW) })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
      message: expect.stringContaining('http://test.invalid/debian/dists/nosuch'),
    });
  });
});

describe('an index that is not the signed one', () => {
  const PACKAGES = `${ROOT}/main/binary-amd64/Packages`;

  it.each([
    ['changed', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1) === 0 ? 1 : 0])])],
    ['short', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
  ])('is refused when %s', async (_, change) => {
    const repository = await fakeRepository({ stanzas: APP });
    repository.files.set(`${PACKAGES}.gz`, change(repository.files.get(`${PACKAGES}.gz`) ?? Buffer.alloc(0)));
    await expect(repository.load()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('is fetched with its listed size as the limit', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const zipped = repository.files.get(`${PACKAGES}.gz`) ?? Buffer.alloc(0);
    repository.files.set(`${PACKAGES}.gz`, Buffer.concat([zipped, Buffer.from('x')]));
    await expect(repository.load()).rejects.toThrow(`larger than ${zipped.byteLength}`);
  });

  it('is held against the list uncompressed too, in content and in size', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    const plain = repository.files.get(PACKAGES) ?? Buffer.alloc(0);
    for (const content of [Buffer.from(plain).fill('X', 20, 21), Buffer.concat([plain, plain]), plain.subarray(0, -1)]) {
      const zipped = gzipSync(content);
      repository.files.set(`${PACKAGES}.gz`, zipped);
      await repository.sign(release.replace(/^ .*Packages\.gz$/m, listed('main/binary-amd64/Packages.gz', zipped)));
      await expect(repository.load()).rejects.toMatchObject({
        code: expect.stringMatching(/^(DIGEST_MISMATCH|LIMIT_EXCEEDED|REPOSITORY_INVALID)$/),
      });
    }
  });

  it('is refused when it claims to be enormous', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    const release = signedText(textOf(repository.files, 'InRelease'));
    const claiming = async (bytes: number): Promise<void> => {
      await repository.sign(release.replace(/\d+ main\/binary-amd64\/Packages\.gz/, `${bytes} main/binary-amd64/Packages.gz`));
    };
    const most = 512 * 2 ** 20;
    for (const bytes of [99999999999999, most + 1]) {
      await claiming(bytes);
      await expect(repository.load()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining(`${bytes} bytes`) });
    }
    await claiming(most);
    await expect(repository.load()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('is refused when the server has none of its forms', async () => {
    const repository = await fakeRepository({ stanzas: APP });
    repository.files.delete(PACKAGES);
    repository.files.delete(`${PACKAGES}.gz`);
    await expect(repository.load()).rejects.toMatchObject({ code: 'REPOSITORY_INVALID', hint: expect.stringContaining('Packages.gz') });
  });
});

describe('a signed index with a hostile paragraph', () => {
  it.each([
    ['a file outside the repository', 'Filename', '../../etc/passwd'],
    ['a file outside by the middle', 'Filename', 'pool/../../../etc/passwd'],
    ['an absolute file', 'Filename', '/etc/passwd'],
    ['a file with a backslash', 'Filename', 'pool\\..\\a.deb'],
    ['a name that is a path', 'Package', '../evil'],
    ['a name with a shell in it', 'Package', 'a;reboot'],
    ['a version that is a path', 'Version', '1/../../2'],
    ['a size that is none', 'Size', '-1'],
    ['a digest that is none', 'SHA256', 'abc'],
    ['another architecture', 'Architecture', '../arm64'],
    ['a source that is a path', 'Source', '../../x'],
    ['a provide that is none', 'Provides', 'a (= 1'],
  ])('is left out with a warning, and its neighbour is not, for %s', async (_, field, value) => {
    const repository = await fakeRepository({ stanzas: [stanza({ Package: 'evil', [field]: value }), ...APP] });
    expect([...(await repository.load()).records].map(({ name }) => name)).toEqual(['app']);
    expect(repository.warnings).toEqual([expect.stringMatching(/Cannot (?:use|read).*is left out/)]);
  });

  it('cannot be asked for, and the answer says what is wrong with it', async () => {
    const repository = await fakeRepository({ stanzas: [stanza({ Package: 'evil', Filename: '../../etc/passwd' })] });
    const close = closePackages(await repository.load(), { sets: [{ name: 'x', packages: ['evil'] }], base: { priorities: [] } });
    await expect(close).rejects.toThrow(/"evil": what the repositories say of it cannot be used\n.*it has a filename that cannot be used/);
  });

  it('is told for twenty packages, and the others are counted', async () => {
    const stanzas = Array.from({ length: 25 }, (_, index) => stanza({ Package: `evil${index}`, Size: 'x' }));
    const repository = await fakeRepository({ stanzas });
    await repository.load();
    expect(repository.warnings).toHaveLength(21);
    expect(repository.warnings.at(-1)).toContain('5 more packages');
  });

  it.each(['Version', 'Filename', 'Size', 'SHA256', 'Architecture', 'Package'])('is left out without %s', async (field) => {
    const text = (stanzasOf('app')[0] ?? '').split('\n').filter((line) => !line.startsWith(`${field}:`));
    const repository = await fakeRepository({ stanzas: [text.join('\n')] });
    expect((await repository.load()).records).toHaveLength(0);
    expect(repository.warnings).toEqual([expect.stringContaining(field.toLowerCase())]);
  });
});

describe('an index with paragraphs of several kinds', () => {
  it('skips packages of other architectures, whatever else is in their paragraphs, and takes those for all', async () => {
    const foreign = stanza({ Package: 'foreign', Architecture: 'arm64', Filename: '../x' });
    const repository = await fakeRepository({ stanzas: [foreign, stanza({ Package: 'docs', Architecture: 'all' }), ...APP] });
    expect([...(await repository.load()).records].map(({ name }) => name)).toEqual(['docs', 'app']);
  });

  it.each([
    ['a missing field', stanza({ Package: 'bad' }).replace(/Size: .*\n/, ''), 'line 11, package "bad": it has no size'],
    ['a field that cannot be', stanza({ Package: 'bad', Size: '1e3' }), 'line 11, package "bad": it has a size that cannot be used: "1e3"'],
    ['a line that is no field', `${stanza({ Package: 'bad' })}\noops`, 'line 11, package "bad": "oops" is not a field'],
    ['a field that is there twice', `${stanza({ Package: 'bad' })}\nSize: 2`, 'line 11, package "bad": field "size" stands there twice'],
    ['no name', 'Version: 1', 'line 11, a paragraph without a name: it has no architecture'],
    ['a relation that is none', stanza({ Package: 'bad', Provides: '(' }), 'line 11, package bad": "(" is not one'],
  ])('names line and package of %s', async (_, paragraph, message) => {
    const repository = await fakeRepository({
      stanzas: [...APP, paragraph],
    });
    expect((await repository.load()).records).toHaveLength(1);
    expect(repository.warnings).toEqual([expect.stringContaining(message)]);
  });

  it('names line and package of a relation that is read only when it is needed', async () => {
    const index = await (await fakeRepository({ stanzas: [...APP, stanza({ Package: 'bad', Depends: 'x (' })] })).load();
    const sets = [{ name: 'x', packages: ['bad'] }];
    await expect(closePackages(index, { sets, base: { priorities: [] } })).rejects.toMatchObject({
      code: 'PACKAGE_UNSOLVABLE',
      message: expect.stringContaining('line 11, package bad'),
    });
  });
});

describe('a large index', () => {
  const names = Array.from({ length: 1500 }, (_, number) => `p${number}`);
  const stanzas = names.map((name, number) =>
    stanza({ Package: name, Description: 'ä'.repeat(number), Depends: number === 0 ? 'p1' : 'p0' }),
  );
  const close = async (repository: Awaited<ReturnType<typeof fakeRepository>>) =>
    await closePackages(await repository.load(), { sets: [{ name: 'x', packages: names }], base: { priorities: [] } });

  it('gives back every chosen paragraph byte for byte, compressed or not', async () => {
    const repository = await fakeRepository({ stanzas });
    const { packages } = await close(repository);
    repository.files.delete(`${ROOT}/main/binary-amd64/Packages.gz`);
    expect((await close(repository)).packages).toEqual(packages);
    expect(new Map(packages.map(({ record }) => [record.name, record.stanza]))).toEqual(
      new Map(names.map((name, index) => [name, stanzas[index]])),
    );
  });

  it('fails for a chosen paragraph that is not UTF-8, and for no other', async () => {
    const repository = await fakeRepository({ stanzas: [...APP, stanza({ Package: 'latin', Description: 'Z\u00fcrich' })] });
    const bytes = Buffer.from(Buffer.from(repository.files.get(`${ROOT}/main/binary-amd64/Packages`) ?? '').toString('utf8'), 'latin1');
    const release = signedText(textOf(repository.files, 'InRelease'));
    repository.files.delete(`${ROOT}/main/binary-amd64/Packages.gz`);
    repository.files.set(`${ROOT}/main/binary-amd64/Packages`, bytes);
    await repository.sign(
      release.replace(/^ .*Packages$/m, listed('main/binary-amd64/Packages', bytes)).replace(/^ .*Packages\.gz\n/m, ''),
    );
    const index = await repository.load();
    const want = async (name: string) => await closePackages(index, { sets: [{ name, packages: [name] }], base: { priorities: [] } });
    await expect(want('latin')).rejects.toMatchObject({ code: 'REPOSITORY_INVALID', message: expect.stringContaining('is not UTF-8') });
  });
});

it('stops when told to', async () => {
  const repository = await fakeRepository({ stanzas: APP });
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(
    loadAptIndex([repository.source], { architecture: 'amd64', fetch: repository.fetch, clock: fixedClock(NOW), signal }),
  ).rejects.toThrow('stop');
});
