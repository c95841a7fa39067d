import type { Adapters } from '../../src/app/adapters.js';
import { Failure } from '../../src/domain/failure.js';
import { FileJournal } from '../../src/run/journal.js';

/** Adapters with file journals, unreachable hosts and no cloud. */
export const offlineAdapters: Adapters = {
  connect: async (addresses) => ({
    connected: new Map(),
    failures: addresses.map(
      ({ name: host }) => new Failure('unreachable', 'host.unreachable', 'nothing answers', { host }),
    ),
    close: async () => undefined,
  }),
  probe: async () => {
    throw new Failure('unhealthy', 'probe.refused', 'nothing answers');
  },
  openCloud: async () => {
    throw new Failure('access', 'cloud.none', 'there is no cloud');
  },
  cloudCommand:
    async () =>
    ({ kind }) =>
      kind,
  openJournal: async (...of) => new FileJournal(...of),
};
