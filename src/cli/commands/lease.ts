import { type Audit, auditVolume } from '../../domain/audit.js';
import type { Host } from '../../host/host.js';
import { endLeases, type LeaseScope, leaseHolders } from '../../host/lease.js';
import type { Holder } from '../../host/lease-holder.js';
import { confirm } from '../../report/ask.js';
import { table } from '../../report/table.js';
import { audits } from '../audits.js';
import type { Edge } from '../edge.js';
import { openField } from '../field.js';
import type { Globals } from '../grammar/flags.js';
import { openSession } from '../session.js';
import { busyOnTerminal, refuse, speaking, type Voice } from '../speak.js';

type LeaseFlags = Globals & { readonly env?: string };

/** `oneclick lease`: who holds the hosts of the environment, and who has taken them from others. */
export function show(edge: Edge, _: readonly string[], flags: LeaseFlags): Promise<number> {
  return speaking(edge, flags, (voice) =>
    onHosts(edge, voice, flags, async (hosts, scope) => {
      const [holders, taken] = await Promise.all([leaseHolders(hosts, scope), audits(hosts, scope)]);
      voice.reporter.result({ environment: scope.environment, holders, taken }, (document, page) => {
        const past = document.taken.map(
          ({ at, who, run, whose }) => `taken ${at} by ${who}: ended run ${run} of ${whose}\n`,
        );
        if (document.holders.length === 0) return [`nobody holds ${scope.environment}\n`, ...past].join('');
        const holding = table(
          document.holders,
          [
            { title: 'HOST', value: (row) => row.host },
            { title: 'WHO', value: (row) => row.who },
            { title: 'RUN', value: (row) => row.run },
            { title: 'SINCE', value: (row) => row.since },
            { title: 'STEP', value: (row) => row.step, narrow: 'cut' },
          ],
          page,
        );
        return [holding, ...past].join('');
      });
      return 0;
    }),
  );
}

/** `oneclick lease take`: ends the run that holds them; it can send nothing any more. The hosts remember who did it. */
export function take(
  edge: Edge,
  _: readonly string[],
  flags: LeaseFlags & { yes: boolean },
): Promise<number> {
  return speaking(edge, flags, (voice) =>
    onHosts(edge, voice, flags, async (hosts, scope) => {
      const holders = await leaseHolders(hosts, scope);
      const who = [...new Set(holders.map((holder) => `${holder.who} (run ${holder.run})`))].join(', ');
      if (
        holders.length > 0 &&
        !flags.yes &&
        !(await confirm(`End the run of ${who} where it stands?`, voice.ask))
      )
        return 1;
      await remember(edge, hosts, scope, holders);
      const ended = await endLeases(hosts, scope);
      voice.reporter.result({ environment: scope.environment, ended }, (document) =>
        document.ended.length === 0
          ? `nobody holds ${scope.environment}\n`
          : `ended the run of ${who}; see what it left: oneclick status\n`,
      );
      return 0;
    }),
  );
}

/** Written before the run is ended: what cannot be written must not happen unseen. */
async function remember(
  { who, clock }: Edge,
  hosts: readonly Host[],
  scope: LeaseScope,
  holders: readonly Holder[],
): Promise<void> {
  const at = clock.now().toISOString();
  await Promise.all(
    holders.map(async (holder) => {
      const audit: Audit = { what: 'lease.take', who, at, run: holder.run, whose: holder.who };
      const { name, labels } = auditVolume(scope, audit);
      await hosts.find((host) => host.name === holder.host)?.engine.ensureVolume(name, labels);
    }),
  );
}

async function onHosts(
  edge: Edge,
  voice: Voice,
  flags: LeaseFlags,
  act: (hosts: readonly Host[], scope: LeaseScope) => Promise<number>,
): Promise<number> {
  const session = await openSession(edge, voice, flags);
  const { environment } = session;
  const done = busyOnTerminal(voice, `looking at ${environment.name}`);
  const services = environment.services.map((service) => ({ ...service, secrets: [] }));
  const field = await openField(session, services).finally(done);
  try {
    if (field.hosts.failures.length > 0) return refuse(voice.reporter, field.hosts.failures);
    return await act([...field.hosts.connected.values()], {
      project: environment.project,
      environment: environment.name,
    });
  } finally {
    await field.close();
  }
}
