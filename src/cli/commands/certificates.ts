import { listCertificates, seedLayout, type SiteCertificate } from '../../site/index.ts';
import { planRenewal, renewCertificates } from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlag, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

/** `caisson certificates`: lists every certificate of the site and its end, and renews those that are named. */
export const registerCertificates: RegisterCommand = (program, run) => {
  const command = program
    .command('certificates')
    .description('print every certificate of the site and when it ends; run it on the seed, as root')
    .action(() => run(showCertificates));
  const renew = command
    .command('renew')
    .description('issue certificates again, with new keys, and bring them to their hosts')
    .argument('<name...>', 'names as "caisson certificates" prints them');
  addSiteFlags(addBundleFlag(renew)).action((names: readonly string[], flags: SiteFlags) =>
    run((context) =>
      runSiteVerb(
        {
          plan: (options) => planRenewal({ ...options, renew: names }),
          run: (options, approve) => renewCertificates({ ...options, renew: names }, approve),
        },
        flags,
        context,
      ),
    ),
  );
};

async function showCertificates(context: CommandContext): Promise<void> {
  const certificates = await listCertificates(seedLayout(), context.clock);
  const text = certificates.length === 0 ? 'This machine keeps no certificates of a site' : formatTable(HEADER, certificates.map(rowOf));
  context.print({ text, data: { certificates } });
}

const HEADER = ['NAME', 'AUTHORITY', 'SUBJECT', 'NAMES', 'ENDS', 'DAYS LEFT'];

function rowOf({ name, authority, isAuthority, subject, names, ends, daysLeft }: SiteCertificate): readonly string[] {
  return [name, isAuthority ? '(is one)' : authority, subject, names.join(' '), ends.slice(0, 10), String(daysLeft)];
}
