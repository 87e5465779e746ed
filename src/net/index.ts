/**
 * Outbound HTTP, and nothing else: the only folder through which bytes from outside come in. Start with http-client.ts.
 */
export * from './discard.ts';
export * from './fetch-error.ts';
export type { Environment } from './dispatchers.ts';
export * from './http-client.ts';
export * from './http-message.ts';
export * from './loopback.ts';
export * from './range.ts';
export * from './resuming-stream.ts';
