import { CaissonError, type ErrorDetails } from '../core/index.ts';

/** A host showed a key that nothing says is its own. */
export class HostKeyUnknownError extends CaissonError {
  /** Name of the host as it was asked for. */
  readonly host: string;
  /** SHA256:… as ssh-keygen shows it. */
  readonly fingerprint: string;
  /** Such as ssh-ed25519. */
  readonly keyType: string;

  constructor(
    shown: { readonly host: string; readonly fingerprint: string; readonly keyType: string },
    message: string,
    details: ErrorDetails,
  ) {
    super('HOST_KEY_UNKNOWN', message, details);
    this.host = shown.host;
    this.fingerprint = shown.fingerprint;
    this.keyType = shown.keyType;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { host: this.host, fingerprint: this.fingerprint, keyType: this.keyType };
  }
}
