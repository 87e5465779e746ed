/**
 * One machine: commands, files, facts, systemd. Facts, files and units are functions that take a `Host`, not methods of it. Start with
 * host.ts. This machine is `openLocalHost`; others are reached by ../ssh.
 */
export * from './command.ts';
export { CommandFailedError, shortCommand } from './command-failed-error.ts';
export * from './command-guard.ts';
export * from './host.ts';
export * from './host-pool.ts';
export * from './local-host.ts';
export { OutputCollector } from './output-collector.ts';
export { quoteCommand, quoteWord, withEnvironment } from './quote.ts';
export * from './run-checked.ts';
export { gatherFacts, type FactsOptions, type FileSystemFacts, type HostFacts } from './facts.ts';
export type { HostNameEntry } from './network-facts.ts';
export * from './remote-files.ts';
export * from './remote-stream.ts';
export { MOST_LOG_LINES, readServiceLog, type LogEntry, type LogQuery } from './service-log.ts';
export { signalNumber } from './signal-number.ts';
export type { ListeningSocket } from './socket-facts.ts';
export * from './systemd.ts';
export * from './unit-file.ts';
