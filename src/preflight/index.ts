/**
 * What stands in the way on the hosts, found before anything is changed: connect-hosts.ts reaches them, ask.ts asks each,
 * judge/ holds one file per family of checks and asks nothing. Start with check-hosts.ts.
 */
export * from './check-hosts.ts';
export * from './connect-hosts.ts';
export * from './findings.ts';
