import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Header } from 'tar';
import { describe, expect, it } from 'vitest';
import {
  packBackup,
  parseBackupDocument,
  unpackBackup,
  type BackupData,
  type BackupDocument,
  type BackupFile,
  type TakeData,
} from '../../src/backup/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { codeOf, HOSTILE_BYTES, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const FILE = 'seed.gpg';

function file(path: string, changes: Partial<BackupFile> = {}): BackupFile {
  const content = changes.content ?? Buffer.from(`content of ${path}`);
  const of = path.includes('caisson') ? 'site' : 'cluster';
  return { path, of, size: content.length, mode: '0600', owner: { user: 0, group: 0 }, digest: digestOf(content), content, ...changes };
}

const RECORD = file('/var/lib/caisson/site.json');
const FILES = [RECORD, file('/var/lib/caisson/secrets/store-root'), file('/root/cluster.yaml', { mode: '0644' })];

function documentOf(files: readonly BackupFile[], changes: Partial<BackupDocument> = {}): BackupDocument {
  return {
    apiVersion: 'caisson/v1',
    kind: 'Backup',
    site: { id: 'id-1', name: 'lab' },
    seed: 'm1',
    revision: 3,
    time: '2026-01-01T00:00:00.000Z',
    cluster: '/root/cluster.yaml',
    home: '/root',
    members: files.map(({ content: _content, ...member }) => member),
    data: [],
    ...changes,
  };
}

/** Content of data of a component, in two pieces. */
const DATA = [Buffer.from('snapshot '), Buffer.alloc(1000, 'x')];
const SNAPSHOT = { component: 'store', host: 'm1', file: 'snapshot.db', size: 1009, digest: digestOf(Buffer.concat(DATA)) };

const packed = async (document: BackupDocument, files: readonly BackupFile[], data: readonly Buffer[] = DATA): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of packBackup(document, files, () => Readable.from(data))) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const unpacked = (bytes: Buffer, take?: TakeData): ReturnType<typeof unpackBackup> => unpackBackup(Readable.from([bytes]), FILE, take);

/** A header of any sort, as no `caisson backup` writes it. */
function header(fields: ConstructorParameters<typeof Header>[0] & object): Buffer {
  const block = Buffer.alloc(512);
  new Header({ mode: 0o600, size: 0, mtime: new Date(0), ...fields }).encode(block);
  return block;
}

/** The tar of a backup, with a block before the headers of the members. */
async function withBlock(block: Buffer): Promise<Buffer> {
  const whole = await packed(documentOf(FILES), FILES);
  const first = whole.indexOf('var/lib/caisson/site.json\0');
  return Buffer.concat([whole.subarray(0, first), block, whole.subarray(first)]);
}

describe('unpackBackup', () => {
  it('gives back what was packed', async () => {
    const document = documentOf(FILES);
    expect(await unpacked(await packed(document, FILES))).toEqual({ document, files: FILES });
  });

  it('gives the data of components one after the other, and checks those that nobody takes', async () => {
    const other = { ...SNAPSHOT, host: 'm2' };
    const document = documentOf(FILES, { data: [SNAPSHOT, other] });
    const bytes = await packed(document, FILES);
    const taken: [string, Buffer][] = [];
    await unpacked(bytes, async ({ host }, content) => {
      taken.push([host, await buffer(content)]);
    });
    expect(taken).toEqual([SNAPSHOT, other].map(({ host }) => [host, Buffer.concat(DATA)]));
    expect(await unpacked(bytes)).toEqual({ document, files: FILES });
    bytes.writeUInt8(0, bytes.lastIndexOf('x'));
    await expect(unpacked(bytes)).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      message: expect.stringContaining('"data-of-components/store/m2/snapshot.db" has the digest'),
    });
  });

  it.each<readonly [string, Partial<BackupData>, string]>([
    ['a component with a slash', { component: '../etc' }, 'data[0].component: is not a name'],
    ['a hidden file', { file: '.snapshot' }, 'data[0].file: is not a name'],
    ['a host with a control character', { host: 'm\u001b' }, 'data[0].host: is not a name'],
  ])('refuses data of %s', async (_, changes, message) => {
    const document = documentOf(FILES, { data: [{ ...SNAPSHOT, ...changes }] });
    await expect(unpacked(await packed(document, FILES))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('refuses the same data twice, and data under the name of a file', async () => {
    const twice = documentOf(FILES, { data: [SNAPSHOT, SNAPSHOT] });
    await expect(unpacked(await packed(twice, FILES))).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
    const files = [file('/data-of-components/store/m1/snapshot.db')];
    await expect(unpacked(await packed(documentOf(files, { data: [SNAPSHOT] }), files))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining('twice'),
    });
  });

  it.each<readonly [string, readonly BackupFile[], string]>([
    ['a path with ..', [file('/var/lib/caisson/secrets/../../../../etc/passwd')], 'members[0].path: is not an absolute path'],
    ['a path with .', [file('/root/./cluster.yaml')], 'members[0].path: is not an absolute path'],
    ['a path that is not absolute', [file('root/cluster.yaml')], 'members[0].path: is not an absolute path'],
    ['a path with a control character', [file('/root/\u001b[2J')], 'members[0].path: is not an absolute path'],
    ['a mode with more than permissions', [file('/root/cluster.yaml', { mode: '4755' })], 'members[0].mode: is not a mode'],
    ['a file of a site that no site has', [file('/etc/caisson/agent.yaml')], '"/etc/caisson/agent.yaml" is not a file of a site'],
    ['a file elsewhere as one of a site', [file('/etc/cron.d/job', { of: 'site' })], '"/etc/cron.d/job" is not a file of a site'],
    ['a secret in a directory', [file('/var/lib/caisson/secrets/a/b')], 'is not a file of a site'],
    ['a certificate far down', [file('/var/lib/caisson/certificates/a/b/c/d.key')], 'is not a file of a site'],
    ['a hidden authority', [file('/var/lib/caisson/authorities/.ca.key')], 'is not a file of a site'],
    ['a file twice', [RECORD, RECORD], 'it has "/var/lib/caisson/site.json" twice'],
  ])('refuses %s', async (_, files, message) => {
    await expect(unpacked(await packed(documentOf(files), files))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining(message),
      hint: expect.stringContaining('Nothing was written'),
    });
  });

  it.each([
    ['a symbolic link', header({ path: 'var/lib/caisson/site.json', type: 'SymbolicLink', linkpath: '/etc/shadow' })],
    ['a hard link', header({ path: 'var/lib/caisson/site.json', type: 'Link', linkpath: 'etc/shadow' })],
    ['a character device', header({ path: 'var/lib/caisson/site.json', type: 'CharacterDevice', devmaj: 1, devmin: 3 })],
    ['a block device', header({ path: 'var/lib/caisson/site.json', type: 'BlockDevice', devmaj: 8, devmin: 0 })],
    ['a pipe', header({ path: 'var/lib/caisson/site.json', type: 'FIFO' })],
    ['a directory', header({ path: 'var/lib/caisson', type: 'Directory' })],
  ])('refuses %s', async (_, block) => {
    await expect(unpacked(await withBlock(block))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining('is not a regular file'),
    });
  });

  it.each([
    [
      'that it does not list',
      header({ path: 'etc/passwd', type: 'File' }),
      'it has "etc/passwd" where "/var/lib/caisson/site.json" belongs',
    ],
    ['with an absolute name', header({ path: '/etc/passwd', type: 'File' }), 'it has "/etc/passwd" where'],
    ['with ..', header({ path: '../../etc/passwd', type: 'File' }), 'it has "../../etc/passwd" where'],
  ])('refuses a member %s', async (_, block, message) => {
    await expect(unpacked(await withBlock(block))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('refuses members after the last that it lists, and bytes after the end', async () => {
    const bytes = await packed(documentOf([RECORD]), FILES);
    await expect(unpacked(bytes)).rejects.toMatchObject({ code: 'BACKUP_INVALID', message: expect.stringContaining('does not list') });
    const whole = await packed(documentOf(FILES), FILES);
    await expect(unpacked(Buffer.concat([whole, Buffer.from('x')]))).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
  });

  it.each<readonly [string, Partial<BackupFile>, string]>([
    ['another digest', { digest: digestOf('other') }, 'has the digest'],
    ['another size', { size: 5 }, 'bytes, want 5'],
  ])('says that a member with %s is damaged', async (_, changes, message) => {
    const files = [{ ...RECORD, ...changes }];
    await expect(unpacked(await packed(documentOf(files), files))).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      message: expect.stringContaining(message),
    });
  });

  it('says of every cut that the backup is damaged or is none', async () => {
    const whole = await packed(documentOf(FILES), FILES);
    // The last of the two blocks that end a tar has no meaning of its own.
    for (let end = 0; end <= whole.length - 1024; end += 128) {
      const failure: unknown = await unpacked(whole.subarray(0, end)).catch((error: unknown) => error);
      expect(['BACKUP_DAMAGED', 'BACKUP_INVALID'], `cut at ${end}`).toContain(
        failure instanceof Error && 'code' in failure ? failure.code : '',
      );
    }
  });

  it('says which member is missing', async () => {
    await expect(unpacked(await packed(documentOf(FILES), FILES.slice(0, 2)))).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      message: expect.stringContaining('"/root/cluster.yaml" is missing'),
    });
  });

  it('refuses an archive of something else', async () => {
    for (const bytes of [
      Buffer.alloc(1024),
      Buffer.from('text'.repeat(300)),
      Buffer.concat([header({ path: 'a', type: 'File' }), Buffer.alloc(1024)]),
    ]) {
      await expect(unpacked(bytes)).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
    }
  });

  it.each(HOSTILE_BYTES)('refuses %s in the place of a backup', async (_, bytes) => {
    expect(await codeOf(() => unpacked(bytes))).toMatch(/^BACKUP_(?:INVALID|DAMAGED)$/);
  });
});

describe('packBackup', () => {
  it.each([
    ['are shorter', [DATA[0] ?? Buffer.alloc(0)], 'has 9 bytes, want 1009'],
    ['are longer', [...DATA, Buffer.from('!')], 'has more than 1009 bytes'],
    ['differ', [Buffer.alloc(1009, 'y')], 'has the digest'],
  ])('fails when data %s when they come', async (_, data, message) => {
    await expect(packed(documentOf(FILES, { data: [SNAPSHOT] }), FILES, data)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(message),
    });
  });
});

describe('parseBackupDocument', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseBackupDocument(text, FILE))).toBe('BACKUP_INVALID');
  });

  it.each(['', '{', '{}', 'null', '[]', '"text"'])('refuses %j', async (text) => {
    expect(await codeOf(() => parseBackupDocument(text, FILE))).toBe('BACKUP_INVALID');
  });
});
