/**
 * The client side of a registry: endpoints, credentials, tokens, refusals and uploads. sources/ pulls with it, push/
 * pushes with it. Start with registry-client.ts.
 */
export * from './credentials.ts';
export { addressOf, endpointOf, type Endpoint, type Mirrors } from './endpoint.ts';
export { RegistryClient, type RegistryRequest } from './registry-client.ts';
export { RegistryWriter, type RegistryWriterOptions } from './registry-writer.ts';
export type { BlobContent } from './checked-content.ts';
export { refusal, refusalOf, RegistryError, type AskedRegistry } from './registry-error.ts';
