/**
 * Signatures that `ssh-keygen -Y` makes and checks (OpenSSH, PROTOCOL.sshsig): making them with a key file or an agent,
 * checking them, who may sign, and whose key is revoked. Start with signature.ts.
 */
export { findSigner, parseAllowedSigners, type AllowedSigner } from './allowed-signers.ts';
export { makeSshKeyPair, type SshKeyPair } from './key-pair.ts';
export { matchesPatterns } from './patterns.ts';
export { fingerprintOf } from './public-key.ts';
export { parseRevokedKeys, type IsRevoked } from './revoked-keys.ts';
export { checkSignature, parseSignature, SIGNATURE_BEGIN, SIGNATURE_END, signDetached, type Signature } from './signature.ts';
export { openSigner, type Signer } from './signer.ts';
export { WireReader, wireString } from './wire.ts';
