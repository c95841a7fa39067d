import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EnvironmentId } from '../../domain/environment.js';
import { given } from '../../domain/given.js';
import { holderScript } from './holder-script.js';

/** The run that holds a lease. */
const Holder = z.object({
  who: z.string(),
  run: z.string(),
  recipe: z.string(),
  project: z.string(),
  environment: z.string(),
  /** ISO 8601, by the clock of the machine that runs oneclick. */
  since: z.string(),
});
export type Holder = z.infer<typeof Holder> & { readonly host: string; readonly step: string };

/** An action of the holder script. */
export type LeaseAction = 'take' | 'look' | 'end';

/** Returns the command line of the holder; `timeout` in seconds. */
export function holderArgv(action: LeaseAction, lock: string, info = '', silence = 0): string[] {
  const script = 'eval "$5"';
  return ['sh', '-c', script, 'oneclick-lease', action, lock, info, String(silence), holderScript];
}

/** The first line that the holder prints. */
export type Answer =
  | { readonly kind: 'held' | 'free' }
  | { readonly kind: 'busy' | 'ended'; readonly holder: Holder | undefined }
  | { readonly kind: 'broken'; readonly reason: string; readonly hint?: string };

/** Returns the path of the lock, the same for all users and safe for any names. */
export function lockPath({ project, environment }: EnvironmentId, folder = '/tmp'): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([project, environment]))
    .digest('hex')
    .slice(0, 16);
  return `${folder}/oneclick-${hash}.lock`;
}

/** Parses the holder's first line. */
export function parseAnswer(line: string, host: string): Answer {
  const [kind = '', text = '', step = ''] = line.split('\t');
  if (kind === 'held' || kind === 'free') return { kind };
  if (kind === 'busy' || kind === 'ended') return { kind, holder: parseHolder(text, step, host) };
  const reason = text || line || 'the holder exited at once';
  return { kind: 'broken', reason, ...given({ hint: step || undefined }) };
}

function parseHolder(text: string, step: string, host: string): Holder | undefined {
  try {
    return { ...Holder.parse(JSON.parse(text)), step, host };
  } catch {
    // Another program holds the lock.
    return undefined;
  }
}
