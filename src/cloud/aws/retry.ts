import type { EC2ClientConfig } from '@aws-sdk/client-ec2';
import type { Clock } from '../../domain/clock.js';
import type { Limiter } from '../limiter.js';

/** What the SDK asks whether and when to try again. */
type Strategy = Extract<NonNullable<EC2ClientConfig['retryStrategy']>, { acquireInitialRetryToken: unknown }>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;

export interface RetryOptions {
  readonly clock: Clock;
  /** 0 to 1 */
  readonly random: () => number;
  readonly limiter: Limiter;
  /** How often a call is sent at most. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
  /** Is told before each pause what is waited for. */
  readonly onWaiting: (text: string) => void;
}

/** The first pause at most, by what went wrong; each further one doubles it. ms */
const firstDelays: Readonly<Record<string, number>> = { THROTTLING: 1_000, TRANSIENT: 200 };
const maxDelay = 20_000;

/**
 * Sends within the rate, and again what was throttled or lost, after a pause of random length (full jitter, as AWS recommends in
 * "Exponential Backoff And Jitter"). What an answer says about itself is final. Which errors are which is the SDK's to say.
 */
export function retryStrategy({
  clock,
  random,
  limiter,
  attempts,
  signal,
  onWaiting,
}: RetryOptions): Strategy {
  const token = (count: number): Token => ({ getRetryCount: () => count, getRetryDelay: () => 0 });
  return {
    async acquireInitialRetryToken() {
      await limiter.take(signal);
      return token(0);
    },
    async refreshRetryTokenForRetry(old, { errorType }) {
      const tried = old.getRetryCount() + 1;
      const first = firstDelays[errorType];
      if (first === undefined || tried >= attempts) throw new Error('no further try');
      const delay = random() * Math.min(maxDelay, first * 2 ** (tried - 1));
      const reason = errorType === 'THROTTLING' ? 'AWS asks for fewer calls' : 'no useful answer from AWS';
      onWaiting(`${reason}: try ${tried + 1} of ${attempts} in ${(delay / 1000).toFixed(1)} s`);
      await clock.sleep(delay, signal);
      await limiter.take(signal);
      return token(tried);
    },
    recordSuccess: () => undefined,
  };
}
