import type { EC2ClientConfig } from '@aws-sdk/client-ec2';
import type { HandlerExecutionContext, InitializeHandler } from '@smithy/types';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import type { ApiCall } from '../api-call.js';
import { Limiter, type Rate } from '../limiter.js';
import { awsFailure, type CallContext, unexpectedResponse } from './failures.js';
import { retryStrategy } from './retry.js';
import { type ServiceName, type Settings, settingsOf, type Variables } from './settings.js';

/** Options of {@link awsCloud}. */
export interface AwsOptions {
  /** Environment variables with AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and so on. */
  readonly variables: Variables;
  readonly clock: Clock;
  /** 0 to 1 */
  readonly random: () => number;
  /** Cancels pending and later calls, which reject with its reason. */
  readonly signal?: AbortSignal;
  /** Called with the reason when a call is delayed, for example by throttling. */
  readonly onWaiting?: (text: string) => void;
  /** Called when a call ends. */
  readonly onCall?: (call: ApiCall) => void;
  /** Maximum number of attempts per call; 8 by default. */
  readonly attempts?: number;
}

/**
 * Well below AWS's limits per account and region, which others share: 40 calls and 10 more a second for Elastic Load
 * Balancing, at least 50 and 10 for EC2. See "Request throttling" in the API references.
 */
const rates: Record<ServiceName, Rate> = {
  ec2: { burst: 10, perSecond: 10 },
  elasticloadbalancing: { burst: 5, perSecond: 5 },
};

const defaultAttempts = 8;
/** ms */
const timeouts = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

const ignore = () => undefined;
/** Without a logger the SDK prints warnings to the terminal. */
const silentLogger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Configuration of an SDK client. */
export type ClientConfig = Settings &
  Pick<EC2ClientConfig, 'maxAttempts' | 'retryStrategy' | 'requestHandler' | 'logger'>;

/** SDK middleware that reports each call and converts its errors. */
export type Middleware = <Input extends object, Output extends object>(
  next: InitializeHandler<Input, Output>,
  context: HandlerExecutionContext,
) => InitializeHandler<Input, Output>;

/** An SDK module and its client. */
export interface Service<Sdk, Client> {
  readonly sdk: Sdk;
  readonly client: Client;
  /** Options to pass to each `send`. */
  readonly options: { readonly abortSignal?: AbortSignal };
}

/** Returns a function that loads an SDK and creates its client on the first call. */
export function service<Sdk, Client>(
  name: ServiceName,
  options: AwsOptions,
  create: (config: ClientConfig, middleware: Middleware) => Promise<{ sdk: Sdk; client: Client }>,
): () => Promise<Service<Sdk, Client>> {
  let cached: Promise<Service<Sdk, Client>> | undefined;
  const connect = async () => {
    await suppressNodeWarning();
    const settings = settingsOf(name, options.variables);
    const { sdk, client } = await create(
      configOf(name, settings, options),
      callMiddleware(name, settings, options),
    );
    return { sdk, client, options: options.signal === undefined ? {} : { abortSignal: options.signal } };
  };
  return () => {
    cached ??= connect();
    return cached;
  };
}

/** Stops the SDK's warning about Node 20. */
async function suppressNodeWarning(): Promise<void> {
  const { state } = await import('@aws-sdk/core/client');
  state.warningEmitted = true;
}

function configOf(name: ServiceName, settings: Settings, options: AwsOptions): ClientConfig {
  const { clock, random, signal, onWaiting = () => undefined, attempts = defaultAttempts } = options;
  const limiter = new Limiter(clock, rates[name]);
  return {
    ...settings,
    maxAttempts: attempts,
    retryStrategy: retryStrategy({
      clock,
      random,
      limiter,
      attempts,
      onWaiting,
      ...given({ signal }),
    }),
    requestHandler: timeouts,
    logger: silentLogger,
  };
}

/** Reports each call and converts its errors to Failures. */
function callMiddleware(name: ServiceName, { region, profile, endpoint }: Settings, options: AwsOptions) {
  return <Input extends object, Output extends object>(
    next: InitializeHandler<Input, Output>,
    { commandName = '' }: HandlerExecutionContext,
  ): InitializeHandler<Input, Output> =>
    async (args) => {
      options.signal?.throwIfAborted();
      const group = groupOf(args.input);
      const call = {
        action: `${name}:${commandName.replace(/Command$/, '')}`,
        ...given({ group }),
      };
      const report = (output: unknown) =>
        options.onCall?.({ ...call, attempts: metadataOf(output).attempts ?? 0 });
      const context: CallContext = {
        ...call,
        ...given({ profile }),
        endpoint: endpoint ?? (region === undefined ? name : `${name}.${region}.amazonaws.com`),
      };
      try {
        const answer = await next(args);
        const { requestId, httpStatusCode } = metadataOf(answer.output);
        report(answer.output);
        // The SDK accepts any page as an empty response; AWS always sends an ID.
        if (requestId === undefined) throw unexpectedResponse(context.endpoint, `status ${httpStatusCode}`);
        return answer;
      } catch (error) {
        if (!(error instanceof Failure)) report(error);
        options.signal?.throwIfAborted();
        throw awsFailure(error, context);
      }
    };
}

function groupOf(input: object): string | undefined {
  return 'TargetGroupArn' in input && typeof input.TargetGroupArn === 'string'
    ? input.TargetGroupArn
    : undefined;
}

/** Returns the SDK's metadata of a response or an error. */
function metadataOf(output: unknown): {
  readonly requestId?: string;
  readonly httpStatusCode?: number;
  readonly attempts?: number;
} {
  return (typeof output === 'object' && output !== null && '$metadata' in output && output.$metadata) || {};
}
