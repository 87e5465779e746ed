/**
 * One machine, local or over SSH: commands, files, facts, systemd. Facts, files and units are functions that take a
 * `Host`, not methods of it. Start with host.ts; connect.ts chooses the implementation.
 */
export * from './command.ts';
export { CommandFailedError } from './command-failed-error.ts';
export * from './check-login.ts';
export * from './connect.ts';
export * from './host.ts';
export * from './host-pool.ts';
export { HostKeyUnknownError } from './host-key-unknown-error.ts';
export { readIdentity } from './identities.ts';
export { JumpHosts } from './jump.ts';
export * from './known-hosts.ts';
export * from './local-host.ts';
export { loginFiles, type LoginFile } from './login-files.ts';
export { quoteCommand, quoteWord } from './quote.ts';
export * from './run-checked.ts';
export type { SshCredentials, SshIdentity } from './ssh-credentials.ts';
export type { HostKeyTrust, SshTarget } from './ssh-connection.ts';
export * from './ssh-host.ts';
export { locateFile, type ConnectOptions, type FirstLogin, type HostToConnect, type LoginPlaces, type SshLogin } from './ssh-login.ts';
export { gatherFacts, type FactsOptions, type FileSystemFacts, type HostFacts } from './facts.ts';
export type { HostNameEntry } from './network-facts.ts';
export * from './remote-files.ts';
export type { ListeningSocket } from './socket-facts.ts';
export * from './systemd.ts';
export * from './unit-file.ts';
