/**
 * The file of a backup: a tar of what a seed alone has and of data of components, inside one OpenPGP message. What goes in and where it is put back is
 * decided in usecases; nothing here reads or writes the files of a seed. Start with document.ts.
 */
export { BACKUP_LIMIT, packBackup, unpackBackup, type BackupFile, type OpenData, type TakeData } from './archive.ts';
export * from './document.ts';
export { isSiteMember } from './site-members.ts';
export * from './seal.ts';
export { readBackup } from './read-backup.ts';
