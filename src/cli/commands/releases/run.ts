import type { Context } from '../../../app/context.js';
import { releasesDocument } from '../../../app/releases.js';
import { releasesText } from '../../../report/releases.js';
import { viewEnvironment } from '../../view-environment.js';
import type { ReleasesFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: ReleasesFlags): Promise<number> {
  return viewEnvironment(context, names, flags, async ({ session, facts, out, chosen }) => {
    const scope = { run: session.id, services: chosen };
    out.reporter.result(releasesDocument(facts, scope), (document, page) =>
      releasesText(document, page, context.clock.now()),
    );
  });
}
