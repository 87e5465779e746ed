/**
 * The file of a backup: a tar of what a seed alone has, inside one OpenPGP message. What goes in and where it is put back is
 * decided in usecases; nothing here reads or writes the files of a seed. Start with document.ts.
 */
export { BACKUP_LIMIT, packBackup, unpackBackup, type BackupFile } from './archive.ts';
export * from './document.ts';
export { isSiteMember } from './site-members.ts';
export * from './seal.ts';
