import type { ImageTransfer } from '../app/build/transfer.js';
import { selectServices, unaskedServices, untouchedHosts } from '../app/choose-services.js';
import type { Context } from '../app/context.js';
import { openSession, type Session } from '../app/session.js';
import { given } from '../domain/given.js';
import type { Service } from '../domain/service.js';
import type { PlannedBuilds } from '../host/resolve-images.js';
import { type CommandOutput, confirmOption, withOutput } from './command-output.js';
import type { ChangeFlags } from './options.js';
import { dryRunOption, runRecipeCommand } from './recipe-command.js';

/** The session of a change, and its images. */
export interface PreparedChange {
  readonly session: Session;
  readonly transfer?: ImageTransfer;
  /** Images that a dry run assumes to be built. */
  readonly builds?: PlannedBuilds;
}

/** A recipe with its parameters. */
export interface Change {
  readonly recipe: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Runs before the recipe is planned. */
  readonly prepare?: (session: Session, out: CommandOutput) => Promise<PreparedChange>;
  /** Narrows down the named services, and explains the selection in notes. */
  readonly select?: (named: readonly Service[]) => {
    readonly services: readonly Service[];
    readonly notes: readonly string[];
  };
  /** The note to print after success, for services with these names. */
  readonly nextStep?: (names: string) => string;
}

/** Runs a recipe that changes releases of services; resolves to the exit code. Throws usage failures for unknown names. */
export function change(
  context: Context,
  names: readonly string[],
  flags: ChangeFlags & { readonly image?: readonly string[]; readonly tag?: string },
  { recipe, params, prepare, select, nextStep }: Change,
): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const opened = await openSession(context, out.reporter, flags);
    const { session, transfer, builds }: PreparedChange = (await prepare?.(opened, out)) ?? {
      session: opened,
    };
    try {
      const selection = { services: names, ...given({ tag: flags.tag, commit: session.commit }) };
      const configured = session.environment.services;
      const named = selectServices(configured, {
        ...selection,
        only: flags.only,
        images: flags.image ?? [],
      });
      const { services, notes } = select?.(named) ?? { services: named, notes: [] };
      for (const note of notes) out.reporter.note(note);
      const code = await runRecipeCommand(out, session, {
        recipe,
        services,
        untouchedHosts: untouchedHosts(session.environment, services, flags.ignoreHost),
        ...given({ ignoredHosts: flags.ignoreHost }),
        // A new build must not be mistaken for the current image.
        unasked: prepare === undefined ? unaskedServices(configured, services, selection) : [],
        params: { ...params, ...given({ batch: flags.batch }) },
        ...dryRunOption(flags),
        wait: flags.wait,
        ...confirmOption(out, flags),
        ...given({ onFailure: flags.onFailure, transfer, builds }),
      });
      const isDone = code === 0 && !flags.dryRun && !flags.explain;
      if (nextStep !== undefined && isDone)
        out.reporter.note(nextStep(services.map(({ name }) => name).join(' ')));
      return code;
    } finally {
      await transfer?.close();
    }
  });
}
