import type { EC2ClientConfig } from '@aws-sdk/client-ec2';
import type { Clock } from '../../domain/clock.js';
import type { Limiter } from '../limiter.js';

/** The SDK's retry strategy. */
type Strategy = Extract<NonNullable<EC2ClientConfig['retryStrategy']>, { acquireInitialRetryToken: unknown }>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;

export interface RetryOptions {
  readonly clock: Clock;
  /** 0 to 1 */
  readonly random: () => number;
  readonly limiter: Limiter;
  /** Maximum number of attempts. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
  /** Called with the reason before each delay. */
  readonly onWaiting: (text: string) => void;
}

/** Maximum of the first delay, by error type; doubles with each attempt. ms */
const firstDelays: Readonly<Record<string, number>> = { THROTTLING: 1_000, TRANSIENT: 200 };
const maxDelay = 20_000;

/** Retries throttled and transient errors with exponential backoff and full jitter, within the rate limit. */
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
      if (first === undefined || tried >= attempts) throw new Error('no attempts left');
      const delay = random() * Math.min(maxDelay, first * 2 ** (tried - 1));
      const reason = errorType === 'THROTTLING' ? 'AWS throttles calls' : 'AWS does not respond';
      onWaiting(`${reason}: attempt ${tried + 1} of ${attempts} in ${(delay / 1000).toFixed(1)} s`);
      await clock.sleep(delay, signal);
      await limiter.take(signal);
      return token(tried);
    },
    recordSuccess: () => undefined,
  };
}
