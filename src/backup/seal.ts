import { createDecipheriv, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  createMessage,
  decrypt,
  decryptKey,
  decryptSessionKeys,
  encrypt,
  enums,
  readKey,
  readMessage,
  readPrivateKey,
  type DecryptedSessionKey,
  type Message,
  type PrivateKey,
  type PublicKey,
} from 'openpgp';
import { CaissonError, messageOf } from '../core/index.ts';
import { limitExceeded } from '../io/index.ts';
import { BACKUP_LIMIT, damaged } from './archive.ts';
import { notABackup } from './document.ts';

/** A passphrase or public keys that a backup is encrypted to. With public keys, each of their private keys opens it. */
export type Seal = { readonly passphrase: string } | { readonly recipients: readonly PublicKey[] };

/** The passphrase or the private key that opens a backup. */
export type Opener = { readonly passphrase: string } | { readonly key: PrivateKey };

const CIPHER = 'aes256';

/**
 * Encrypts a stream into one OpenPGP message that gpg 2.2 and newer read (AES-256 with integrity protection, RFC 9580
 * 5.13.1). Throws CERTIFICATE_INVALID when a recipient's key cannot encrypt, such as one that has expired.
 */
export async function sealBackup(content: Iterable<Uint8Array>, seal: Seal): Promise<AsyncIterable<Uint8Array>> {
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

/**
 * Decrypts a backup. Throws BACKUP_INVALID for bytes that are no encrypted message, BACKUP_KEY_WRONG when the passphrase or key
 * does not open it, BACKUP_DAMAGED when it is cut or was changed. `file` is its name in messages.
 */
export async function openBackup(bytes: Buffer, opener: Opener, file: string): Promise<Readable> {
  const message = await parseMessage(bytes, file);
  const [sessionKey] = await decryptedKeys(message, opener, file);
  if (sessionKey?.algorithm !== CIPHER) throw wrongKey(file, opener);
  try {
    const config = { maxDecompressedMessageSize: BACKUP_LIMIT };
    const sessionKeys = [{ data: sessionKey.data, algorithm: CIPHER } as const];
    const decrypted: { readonly data: unknown } = await decrypt({ message, sessionKeys, format: 'binary', config });
    return Readable.from([bytesOf(decrypted.data)], { objectMode: false });
  } catch (cause) {
    if (/decompressed message size/i.test(messageOf(cause))) throw limitExceeded(`"${file}"`, BACKUP_LIMIT);
    // The failure has used up the bytes of the first message.
    if (!hasRepeatedPrefix(await parseMessage(bytes, file), sessionKey.data)) throw wrongKey(file, opener);
    throw damaged(file, 'its bytes were changed', cause);
  }
}

/** Reads an armored public key. Throws CERTIFICATE_INVALID when the text is none. */
export async function parseRecipient(armoredKey: string, file: string): Promise<PublicKey> {
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

/** The types of openpgp name web streams, whose types Node does not have. */
function bytesOf(data: unknown): Uint8Array {
  if (!(data instanceof Uint8Array)) throw new Error('openpgp did not give bytes');
  return data;
}

const CUT = /end of packet|end of stream|partial/i;

async function parseMessage(bytes: Buffer, file: string): Promise<Message<Uint8Array>> {
  let message: Message<Uint8Array>;
  try {
    message = await readMessage({ binaryMessage: new Uint8Array(bytes) });
  } catch (cause) {
    if (CUT.test(messageOf(cause))) throw damaged(file, 'it is cut: the encrypted message has no end', cause);
    throw notABackup(file, 'it is not an OpenPGP message', cause);
  }
  if (message.packets.filterByTag(enums.packet.symEncryptedIntegrityProtectedData).length === 0)
    throw notABackup(file, 'it is not an encrypted OpenPGP message');
  return message;
}

async function decryptedKeys(message: Message<Uint8Array>, opener: Opener, file: string): Promise<readonly DecryptedSessionKey[]> {
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
 * 5.13.1 describes the repeated bytes).
 */
function hasRepeatedPrefix(message: Message<Uint8Array>, sessionKey: Uint8Array): boolean {
  const prefix = encryptedStart(message)?.subarray(0, BLOCK + 2);
  if (prefix === undefined) return true;
  const text = createDecipheriv('aes-256-cfb', sessionKey, Buffer.alloc(BLOCK)).update(prefix);
  return text.subarray(BLOCK - 2, BLOCK).equals(text.subarray(BLOCK, BLOCK + 2));
}

/** The first encrypted bytes of a message that was just parsed: openpgp has them as one array, or as several. */
function encryptedStart({ packets }: Message<Uint8Array>): Uint8Array | undefined {
  const [packet] = packets.filterByTag(enums.packet.symEncryptedIntegrityProtectedData);
  const encrypted: unknown = packet !== undefined && 'encrypted' in packet ? packet.encrypted : undefined;
  const first: unknown = Array.isArray(encrypted) ? encrypted[0] : encrypted;
  return first instanceof Uint8Array ? first : undefined;
}
