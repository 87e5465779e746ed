/**
 * Hosts over SSH: how a login is found (files, the user's ssh configuration, certificates, jump hosts), how the key of a host is checked,
 * and `Host` over one connection. connect.ts is the way in: it also knows when a host is this machine.
 */
export * from './check-login.ts';
export * from './connect.ts';
export { HostKeyUnknownError } from './host-key-unknown-error.ts';
export { readIdentity } from './identities.ts';
export { JumpHosts } from './jump.ts';
export * from './known-hosts.ts';
export { loginFiles, type LoginFile } from './login-files.ts';
export type { HostKeyTrust, SshTarget } from './ssh-connection.ts';
export type { SshCredentials, SshIdentity } from './ssh-credentials.ts';
export * from './ssh-host.ts';
export { locateFile, type ConnectOptions, type FirstLogin, type HostToConnect, type LoginPlaces, type SshLogin } from './ssh-login.ts';
