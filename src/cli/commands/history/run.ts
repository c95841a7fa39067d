import type { Context } from '../../../app/context.js';
import { readHistory } from '../../../app/history.js';
import { historyText } from '../../../report/history.js';
import { viewEnvironment } from '../../view-environment.js';
import type { HistoryFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: HistoryFlags): Promise<number> {
  return viewEnvironment(context, names, flags, async ({ session, connected, facts, out, chosen }) => {
    const includeAudits = names.length === 0;
    const history = await readHistory(session, {
      ...{ connected, facts, services: chosen, includeAudits, limit: flags.number },
    });
    out.reporter.result(history, (document, page) => historyText(document, page, context.clock.now()));
  });
}
