import { CaissonError } from '../../core/index.ts';
import { listCertificates, listRotations, ROTATION_PHASES, seedLayout, type SiteCertificate } from '../../site/index.ts';
import {
  namesOfDue,
  notedRun,
  planDueRenewal,
  planRenewal,
  planRotation,
  renewCertificates,
  renewDueCertificates,
  rotateAuthority,
  type Approve,
  type OperationOptions,
} from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

interface RenewFlags extends SiteFlags {
  readonly due?: boolean;
}

/** `caisson certificates`: lists every certificate of the site and its end, renews those that are named, replaces authorities. */
export const registerCertificates: RegisterCommand = (program, run) => {
  const command = program
    .command('certificates')
    .description('print every certificate of the site and when it ends; run it on the seed, as root')
    .action(() => run(showCertificates));
  const renew = command
    .command('renew')
    .description('issue certificates again, with new keys, and bring them to their hosts')
    .argument('[name...]', 'names as "caisson certificates" prints them')
    .option('--due', 'those that end within 60 days, and nothing else: a timer on the seed runs this');
  addSiteFlags(addBundleFlags(renew)).action((names: readonly string[], flags: RenewFlags) =>
    run((context) => (flags.due === true ? renewDue(names, flags, context) : renewNamed(names, flags, context))),
  );
  const rotate = command
    .command('rotate')
    .description('replace an authority by a new one, in three phases without a moment in which its users do not trust each other')
    .argument('<authority>', 'an authority as "caisson certificates" prints it');
  addSiteFlags(addBundleFlags(rotate)).action((authority: string, flags: SiteFlags) =>
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

async function renewNamed(names: readonly string[], flags: RenewFlags, context: CommandContext): Promise<void> {
  if (names.length === 0) {
    throw new CaissonError('USAGE', 'Cannot renew: no certificate is named', {
      hint: 'Name those that "caisson certificates" prints, or add --due for those whose end is near',
    });
  }
  const verb = {
    plan: (options: OperationOptions) => planRenewal({ ...options, renew: names }),
    run: (options: OperationOptions, approve: Approve) => renewCertificates({ ...options, renew: names }, approve),
  };
  await runSiteVerb(verb, flags, context);
}

/** Connects to no host where none is due. How it ended is noted on the seed, unless it only plans. */
async function renewDue(names: readonly string[], flags: RenewFlags, context: CommandContext): Promise<void> {
  if (names.length > 0) {
    throw new CaissonError('USAGE', 'Cannot renew certificates by name and --due at once', { hint: 'Leave out the names, or --due' });
  }
  const { clock, emit } = context;
  const places = { clock, emit, ...(context.machines === undefined ? {} : { machines: context.machines }) };
  const renew = async (): Promise<readonly string[]> => {
    const due = await namesOfDue(places);
    if (due.length === 0) context.print({ text: 'No certificate is due: none ends within 60 days', data: { due } });
    else await runSiteVerb({ plan: planDueRenewal, run: renewDueCertificates }, flags, context);
    return due;
  };
  await (flags.plan === true ? renew() : notedRun('renewal', places, renew, (renewed) => ({ renewed: [...renewed] })));
}

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
