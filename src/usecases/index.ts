/**
 * Operations of an operator: open a session with the site and its hosts (session.ts), plan, ask for approval, apply
 * (apply/). Code here must not import net, sources or builder, so that it cannot download. Start with operation.ts.
 */
export { acceptanceNotes, describeAcceptance, type SaidOfBundle } from './acceptance.ts';
export * from './adopt/adopt.ts';
export type { Adoption, AdoptOptions, AdoptSource } from './adopt/adoption.ts';
export * from './backup/backup.ts';
export { declaredBackup, type DeclaredBackup } from './backup/declared-backup.ts';
export * from './backup/restore-data.ts';
export { notedRun } from './noted-run.ts';
export { scheduledRun, type ScheduledRun } from './scheduled-run.ts';
export * from './bundles.ts';
export * from './certificates.ts';
export type { RegistryContent, RegistryFiller } from './cluster-registry.ts';
export * from './components.ts';
export * from './cordon.ts';
export type { ShownKey } from './first-login.ts';
export * from './history.ts';
export * from './init.ts';
export * from './install.ts';
export { readLogs, type LogRequest, type NodeLogEntry } from './logs.ts';
export type * from './new-site.ts';
export * from './node-down.ts';
export * from './nodes.ts';
export * from './options.ts';
export * from './reset.ts';
export * from './backup/restore.ts';
export type { RestoredFile } from './backup/restored-files.ts';
export * from './rollback.ts';
export * from './rotation.ts';
export * from './secrets.ts';
export * from './staged-bundles.ts';
export * from './upgrade.ts';
export { writeSupportBundle, type SupportBundle } from './support/support-bundle.ts';
export type { Approve, OperationOptions } from './operation.ts';
export type { OnlineRequest } from './online-source.ts';
export type { SiteSources } from './site-sources.ts';
export type { PlannedRun } from './planned-run.ts';
