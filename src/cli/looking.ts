import type { Facts } from '../domain/facts.js';
import type { Service } from '../domain/service.js';
import type { Edge } from './edge.js';
import { type Field, openField } from './field.js';
import type { Globals } from './grammar/flags.js';
import { servicesToLookAt } from './instances.js';
import { openSession, type Session } from './session.js';
import { refuse, speaking, type Voice } from './speak.js';

/** What a command works on that looks at all hosts once and changes nothing. */
export interface Look {
  readonly voice: Voice;
  readonly session: Session;
  readonly field: Field;
  readonly facts: Facts;
  /** All services of the environment, without secrets. */
  readonly services: readonly Service[];
  /** Those that were named, all by default. */
  readonly chosen: readonly Service[];
}

/** Looks at all hosts and tells what `tell` makes of it; hosts that were not reached are problems, and the exit code. */
export function looking(
  edge: Edge,
  names: readonly string[],
  flags: Globals & { readonly env?: string },
  tell: (look: Look) => Promise<void>,
): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await openSession(edge, voice, flags);
    const services = servicesToLookAt(session.environment.services, []);
    const chosen = servicesToLookAt(session.environment.services, names);
    const done = voice.reporter.busy(`looking at ${session.environment.name}`);
    const field = await openField(session, services);
    try {
      const { facts, problems } = await field.look().finally(done);
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return refuse(voice.reporter, problems);
      await tell({ voice, session, field, facts, services, chosen });
      return problems.length > 0 ? refuse(voice.reporter, problems) : 0;
    } finally {
      await field.close();
    }
  });
}
