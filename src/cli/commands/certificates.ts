import { listCertificates, listRotations, ROTATION_PHASES, seedLayout, type SiteCertificate } from '../../site/index.ts';
import { planRenewal, planRotation, renewCertificates, rotateAuthority } from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlag, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

/** `caisson certificates`: lists every certificate of the site and its end, renews those that are named, replaces authorities. */
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
  const rotate = command
    .command('rotate')
    .description('replace an authority by a new one, in three phases without a moment in which its users do not trust each other')
    .argument('<authority>', 'an authority as "caisson certificates" prints it');
  addSiteFlags(addBundleFlag(rotate)).action((authority: string, flags: SiteFlags) =>
    run((context) =>
      runSiteVerb(
        {
          plan: (options) => planRotation(options, authority),
          run: (options, approve) => rotateAuthority(options, authority, approve),
        },
        flags,
        context,
      ),
    ),
  );
};

async function showCertificates(context: CommandContext): Promise<void> {
  const layout = seedLayout(context.machines?.seedRoot);
  const certificates = await listCertificates(layout, context.clock);
  const rotations = [...(await listRotations(layout))].map(([authority, phase]) => ({ authority, phase }));
  const table = certificates.length === 0 ? 'This machine keeps no certificates of a site' : formatTable(HEADER, certificates.map(rowOf));
  const underWay = rotations.map(
    ({ authority, phase }) =>
      `The authority "${authority}" is being replaced, phase ${ROTATION_PHASES.indexOf(phase) + 1} of ${ROTATION_PHASES.length}; go on with: caisson certificates rotate ${authority}`,
  );
  context.print({ text: [table, ...underWay].join('\n'), data: { certificates, rotations } });
}

const HEADER = ['NAME', 'AUTHORITY', 'SUBJECT', 'NAMES', 'ENDS', 'DAYS LEFT'];

function rowOf({ name, authority, isAuthority, subject, names, ends, daysLeft }: SiteCertificate): readonly string[] {
  return [name, isAuthority ? '(is one)' : authority, subject, names.join(' '), ends.slice(0, 10), String(daysLeft)];
}
