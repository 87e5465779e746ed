/**
 * Finds problems on hosts before a run changes anything. connect-hosts.ts connects to the hosts, ask.ts asks one host,
 * and judge/ has one file per family of checks, which are pure. Start with check-hosts.ts.
 */
export * from './check-hosts.ts';
export * from './connect-hosts.ts';
export * from './findings.ts';
export { askInTime } from './question.ts';
export type { BundleChange } from './judge/finding.ts';
