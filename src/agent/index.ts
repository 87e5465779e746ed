/**
 * The node agent: reads service definitions, writes systemd units for them, starts and probes the units, and answers
 * status requests. Services keep running when the agent stops, and it changes only units that it wrote. Start with
 * agent.ts.
 */
export * from './agent.ts';
export * from './agent-unit.ts';
export * from './boot-id.ts';
export * from './component-state.ts';
export * from './config.ts';
export { definitionDigest } from './definition-files.ts';
export { formatHeld, HELD_FILE, parseHeld } from './held.ts';
export type { Measures } from './measures/node-measures.ts';
export * from './service-definition.ts';
export * from './service-file.ts';
export { NOT_APPLIED, STATE_FILE } from './state-file.ts';
export * from './status.ts';
export * from './status-client.ts';
export * from './status-server.ts';
export * from './unit-from-definition.ts';
