import { createDecipheriv, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DecryptedSessionKey, Message, PrivateKey, PublicKey } from 'openpgp';
import { CaissonError, messageOf } from '../core/index.ts';
import { damaged } from './archive.ts';
import { notABackup } from './document.ts';

/** A passphrase or public keys that a backup is encrypted to. With public keys, each of their private keys opens it. */
export type Seal = { readonly passphrase: string } | { readonly recipients: readonly PublicKey[] };

/** The passphrase or the private key that opens a backup. */
export type Opener = { readonly passphrase: string } | { readonly key: PrivateKey };

const CIPHER = 'aes256';
/** Tag of a packet that is encrypted with protection of its integrity (RFC 9580, 5). */
const ENCRYPTED_PACKET = 18;

/**
 * Encrypts a stream into one OpenPGP message that gpg 2.2 and newer read (AES-256 with integrity protection, RFC 9580
 * 5.13.1). Throws CERTIFICATE_INVALID when a recipient's key cannot encrypt, such as one that has expired.
 */
export async function sealBackup(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  seal: Seal,
): Promise<AsyncIterable<Uint8Array>> {
  const { createMessage, encrypt } = await import('openpgp');
  // The types of openpgp name web streams of the browser; Node's are the same to it.
  const binary = Readable.toWeb(Readable.from(content, { objectMode: false })) as never as Uint8Array;
  const message = await createMessage({ binary });
  const locks = 'passphrase' in seal ? { passwords: [seal.passphrase] } : { encryptionKeys: [...seal.recipients] };
  // Without a session key of ours, the preferences of a recipient's key could choose a weaker cipher.
  const sessionKey = { data: new Uint8Array(randomBytes(32)), algorithm: CIPHER } as const;
  try {
    return Readable.from((await encrypt({ message, ...locks, sessionKey, format: 'binary' })) as AsyncIterable<Uint8Array> & Uint8Array);
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot encrypt to the keys of the recipients: ${messageOf(cause)}`, {
      cause,
      hint: 'Give public keys that have not expired and can encrypt: gpg --export --armor NAME',
    });
  }
}

/** Opens the bytes of a backup from their start, as often as they are needed. */
export type BackupSource = () => Promise<Readable>;

/**
 * Decrypts a backup. Memory does not grow with its size: bytes are passed on before the end of the message has proved them,
 * and the stream fails with BACKUP_DAMAGED at the end of a message that was changed. Whoever reads it must read all of it
 * before anything is done with what it says. Throws BACKUP_INVALID for bytes that are no encrypted message, BACKUP_KEY_WRONG
 * when the passphrase or key does not open it, BACKUP_DAMAGED when it is cut. `file` is its name in messages.
 */
export async function openBackup(source: BackupSource, opener: Opener, file: string): Promise<Readable> {
  const { decrypt } = await import('openpgp');
  const sessionKey = await withMessage(source, file, async (message) => {
    const [found] = await decryptedKeys(message, opener, file);
    if (found?.algorithm !== CIPHER || !(await hasRepeatedPrefix(message, found.data))) throw wrongKey(file, opener);
    return found.data;
  });
  const bytes = await source();
  const message = await parseMessage(bytes, file);
  const sessionKeys = [{ data: sessionKey, algorithm: CIPHER } as const];
  try {
    const decrypted: { readonly data: unknown } = await decrypt({
      message,
      sessionKeys,
      format: 'binary',
      config: { allowUnauthenticatedStream: true },
    });
    return Readable.from(streamOf(decrypted.data, bytes, file), { objectMode: false });
  } catch (cause) {
    bytes.destroy();
    throw changed(file, cause);
  }
}

async function* streamOf(data: unknown, bytes: Readable, file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* data instanceof Uint8Array ? [data] : (data as AsyncIterable<Uint8Array>);
  } catch (cause) {
    throw changed(file, cause);
  } finally {
    bytes.destroy();
  }
}

function changed(file: string, cause: unknown): CaissonError {
  const reason = CUT.test(messageOf(cause)) ? 'it is cut: the encrypted message has no end' : 'its bytes were changed';
  return damaged(file, reason, cause);
}

/** Reads an armored public key. Throws CERTIFICATE_INVALID when the text is none. */
export async function parseRecipient(armoredKey: string, file: string): Promise<PublicKey> {
  const { readKey } = await import('openpgp');
  try {
    if (!armoredKey.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) throw new Error('there is no armored public key in it');
    const key = await readKey({ armoredKey });
    return key.toPublic();
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot use "${file}" as the key of a recipient: ${messageOf(cause)}`, {
      cause,
      hint: 'Write it with: gpg --export --armor NAME',
    });
  }
}

/** Reads an armored private key. Throws CERTIFICATE_INVALID when the text is none or the passphrase does not open it. */
export async function parsePrivateKey(armoredKey: string, passphrase: string | undefined, file: string): Promise<PrivateKey> {
  const { decryptKey, readPrivateKey } = await import('openpgp');
  try {
    if (!armoredKey.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----')) throw new Error('there is no armored private key in it');
    const privateKey = await readPrivateKey({ armoredKey });
    if (privateKey.isDecrypted()) return privateKey;
    if (passphrase === undefined) throw new Error('it has a passphrase');
    return await decryptKey({ privateKey, passphrase });
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot use "${file}" as private key: ${messageOf(cause)}`, {
      cause,
      hint: 'Write it with: gpg --export-secret-keys --armor NAME; its passphrase is read from --key-passphrase-file',
    });
  }
}

const CUT = /end of packet|end of stream|partial|unexpected end/i;

/** Passes the beginning of a message to `work`, and closes its bytes afterwards. */
async function withMessage<T>(source: BackupSource, file: string, work: (message: Message<Uint8Array>) => Promise<T>): Promise<T> {
  const bytes = await source();
  try {
    return await work(await parseMessage(bytes, file));
  } finally {
    bytes.destroy();
  }
}

async function parseMessage(bytes: Readable, file: string): Promise<Message<Uint8Array>> {
  const { readMessage } = await import('openpgp');
  let message: Message<Uint8Array>;
  try {
    // The types of openpgp name web streams of the browser; Node's are the same to it.
    message = await readMessage({ binaryMessage: Readable.toWeb(bytes) as never as Uint8Array });
  } catch (cause) {
    if (CUT.test(messageOf(cause))) throw damaged(file, 'it is cut: the encrypted message has no end', cause);
    throw notABackup(file, 'it is not an OpenPGP message', cause);
  }
  if (message.packets.filterByTag(ENCRYPTED_PACKET).length === 0) throw notABackup(file, 'it is not an encrypted OpenPGP message');
  return message;
}

async function decryptedKeys(message: Message<Uint8Array>, opener: Opener, file: string): Promise<readonly DecryptedSessionKey[]> {
  const { decryptSessionKeys } = await import('openpgp');
  const keys = 'passphrase' in opener ? { passwords: [opener.passphrase] } : { decryptionKeys: [opener.key] };
  try {
    return await decryptSessionKeys({ message, ...keys });
  } catch {
    throw wrongKey(file, opener);
  }
}

function wrongKey(file: string, opener: Opener): CaissonError {
  const what = 'passphrase' in opener ? 'passphrase' : 'private key';
  return new CaissonError('BACKUP_KEY_WRONG', `Cannot open "${file}": it was not encrypted to this ${what}`, {
    hint: 'Nothing was written. Backups with a passphrase open with --passphrase-file, those for recipients with --key; "gpg --list-packets FILE" says which it is',
  });
}

/** Bytes of an AES block. An encrypted message begins with one block of random bytes and a copy of its last two (RFC 9580 5.13.1). */
const BLOCK = 16;

/**
 * True when a session key fits the message: of wrong passphrases, 1 of 256 gives a session key that looks right (RFC 9580
 * 5.13.1 describes the repeated bytes). Uses up the encrypted bytes of the message.
 */
async function hasRepeatedPrefix(message: Message<Uint8Array>, sessionKey: Uint8Array): Promise<boolean> {
  const prefix = await encryptedStart(message);
  if (prefix.length < BLOCK + 2) return true;
  const text = createDecipheriv('aes-256-cfb', sessionKey, Buffer.alloc(BLOCK)).update(prefix.subarray(0, BLOCK + 2));
  return text.subarray(BLOCK - 2, BLOCK).equals(text.subarray(BLOCK, BLOCK + 2));
}

/** The first encrypted bytes of a message that was just parsed; fewer than a prefix when it is cut. */
async function encryptedStart({ packets }: Message<Uint8Array>): Promise<Buffer> {
  const [packet] = packets.filterByTag(ENCRYPTED_PACKET);
  const encrypted: unknown = packet !== undefined && 'encrypted' in packet ? packet.encrypted : undefined;
  if (!isIterable(encrypted)) return Buffer.alloc(0);
  let start = Buffer.alloc(0);
  try {
    for await (const chunk of encrypted) {
      if (chunk instanceof Uint8Array) start = Buffer.concat([start, chunk]);
      if (start.length >= BLOCK + 2) break;
    }
  } catch {
    // The message is cut. Decrypting it says so.
  }
  return start;
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
