import { endLeases, leaseHolders } from '../../host/lease.js';
import { confirm } from '../../report/ask.js';
import { table } from '../../report/table.js';
import type { Edge } from '../edge.js';
import type { Globals } from '../program.js';
import { openField, openSession } from '../session.js';
import { refuse, speaking, type Voice } from '../speak.js';

type LeaseFlags = Globals & { readonly env?: string };

/** `oneclick lease`: who holds the hosts of the environment. */
export function show(edge: Edge, _: readonly string[], flags: LeaseFlags): Promise<number> {
  return speaking(edge, flags, (voice) =>
    onHosts(edge, voice, flags, async (hosts, scope) => {
      const holders = await leaseHolders(hosts, scope);
      voice.reporter.result({ environment: scope.environment, holders }, (document, page) =>
        document.holders.length === 0
          ? `nobody holds ${scope.environment}\n`
          : table(
              document.holders,
              [
                { title: 'HOST', value: (row) => row.host },
                { title: 'WHO', value: (row) => row.who },
                { title: 'RUN', value: (row) => row.run },
                { title: 'SINCE', value: (row) => row.since },
                { title: 'STEP', value: (row) => row.step, narrow: 'cut' },
              ],
              page,
            ),
      );
      return 0;
    }),
  );
}

/** `oneclick lease take`: ends the run that holds them; it can send nothing any more. */
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

async function onHosts(
  edge: Edge,
  voice: Voice,
  flags: LeaseFlags,
  act: (
    hosts: Parameters<typeof leaseHolders>[0],
    scope: { project: string; environment: string },
  ) => Promise<number>,
): Promise<number> {
  const session = await openSession(edge, voice, flags);
  const { environment } = session;
  const field = await openField(
    session,
    environment.services.map((service) => ({ ...service, secrets: [] })),
  );
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
