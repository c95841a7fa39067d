import { Failure } from '../../domain/failure.js';
import { withEnvironment } from '../connect.js';
import type { Context } from '../context.js';
import type { Listener } from '../listener.js';
import { orFailure } from '../or-failure.js';
import { openSession, type Session, type SessionOptions } from '../session.js';
import { type Finding, failed, warning } from './finding.js';
import { checkHosts } from './hosts.js';
import { checkMachine } from './local-machine.js';
import { checkProject } from './project.js';

/** Opens a session for checks: a Failure is part of the result, and warnings are collected. */
export async function openForChecks(
  context: Context,
  listener: Listener,
  options: SessionOptions,
): Promise<{ readonly session: Session | Failure; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const collecting: Listener = { ...listener, warn: (text) => void warnings.push(text) };
  // Secret files have their own check.
  const opening = openSession(context, collecting, { ...options, skipSecretFileCheck: true });
  const session = await orFailure(opening);
  return { session: session instanceof Failure ? session : { ...session, listener }, warnings };
}

/** Runs all checks, even if some fail. Without a session, skips those of the project and its hosts. */
export async function checkAll(
  context: Context,
  session: Session | Failure,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  if (session instanceof Failure)
    return [
      ...(await checkMachine(context, false)),
      failed('configuration', 'oneclick.yml', session, 'oneclick config check'),
      warning('hosts', 'all', 'not checked: fix the configuration first'),
    ];
  const builds = session.environment.services.some(({ image }) => image.kind === 'build');
  const findings = await Promise.all([
    checkMachine(context, builds),
    checkProject(session, warnings),
    checkEnvironment(session),
  ]);
  return findings.flat();
}

async function checkEnvironment(session: Session): Promise<readonly Finding[]> {
  const { services } = session.environment;
  const busy = 'checking the hosts';
  return withEnvironment(session, { services, busy }, (connected) => checkHosts(session, connected));
}
