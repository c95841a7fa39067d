import { balancedServices } from '../../../../app/balancing/balanced-services.js';
import { balancingDocument, trafficWarnings } from '../../../../app/balancing/balancing-document.js';
import { withEnvironment } from '../../../../app/connect.js';
import type { Context } from '../../../../app/context.js';
import { selectOnHosts } from '../../../../app/instances.js';
import { openSession } from '../../../../app/session.js';
import type { Need } from '../../../../domain/task.js';
import { lbStatusText } from '../../../../report/lb-status.js';
import { reportProblems, withOutput } from '../../../command-output.js';
import type { LbStatusFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: LbStatusFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = balancedServices(selectOnHosts(session.environment.services, names, []), names);
    const request = { services, needs: new Set<Need>(['hosts', 'cloud']) };
    return withEnvironment(session, request, async (connected) => {
      const { facts, problems } = await connected.snapshot();
      if (facts.groups === undefined) return reportProblems(out.reporter, problems);
      for (const { host, message } of problems) out.reporter.warn(`${host}: ${message}`);
      const document = balancingDocument(session.environment.name, services, facts);
      out.reporter.result(document, (shown, page) => lbStatusText(shown, page, context.clock.now()));
      for (const warning of trafficWarnings(services, facts)) out.reporter.warn(warning);
      return 0;
    });
  });
}
