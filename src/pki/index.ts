/** Certificate authority and certificates of one site: P-256, made on the spot, nothing shared between sites. */
export * from './authority.ts';
export * from './certificate-info.ts';
export * from './issue.ts';
export * from './kept-authority.ts';
export type { KeyPair } from './key-pair.ts';
export type { CertificateSubject } from './subject.ts';
export type { CertificateUsage } from './usage.ts';
