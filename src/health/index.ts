/**
 * Is it well? Checks (http, tcp, cmd) that probe one address once, and conditions that describe themselves and are waited
 * for. http-client.ts is the one client for HTTP inside the cluster. Shared by the installer and the agent, so that "healthy" means the same at install time and a year later. Probes
 * talk to the addresses they are given and to nothing else. Start with check.ts.
 */
export * from './check.ts';
export * from './condition.ts';
export * from './http-client.ts';
export * from './poll.ts';
export * from './probe.ts';
