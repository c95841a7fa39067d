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

/** What a cloud at AWS is made of. */
export interface AwsOptions {
  /** Where AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and so on are read; the SDK itself reads those of the process. */
  readonly variables: Variables;
  readonly clock: Clock;
  /** 0 to 1 */
  readonly random: () => number;
  /** Ends everything that is under way, and all that comes: calls reject with its reason. */
  readonly signal?: AbortSignal;
  /** Is told what a call waits for beside its answer: a network that is gone, an account that calls too often. */
  readonly onWaiting?: (text: string) => void;
  /** Is told of each call when it is over. */
  readonly onCall?: (call: ApiCall) => void;
  /** How often a call is sent at most: 8. */
  readonly attempts?: number;
}

/**
 * Well below what AWS gives an account and region: for Elastic Load Balancing a bucket of 40 calls, 10 more a second, for all that
 * run there; for EC2 at least 50 and 10. "Request throttling for the Amazon EC2 API", "… for the Elastic Load Balancing API".
 */
const rates: Record<ServiceName, Rate> = {
  ec2: { burst: 10, perSecond: 10 },
  elasticloadbalancing: { burst: 5, perSecond: 5 },
};

const defaultAttempts = 8;
/** ms */
const timeouts = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

const ignore = () => undefined;
/** Without a logger the SDK warns on the terminal, about two kinds of credentials for instance. */
const silentLogger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** What a client of the SDK is made with. */
export type ClientConfig = Settings &
  Pick<EC2ClientConfig, 'maxAttempts' | 'retryStrategy' | 'requestHandler' | 'logger'>;

/** What goes around each call of a client: adds itself to the calls that are told of, and makes Failures of errors. */
export type Middleware = <Input extends object, Output extends object>(
  next: InitializeHandler<Input, Output>,
  context: HandlerExecutionContext,
) => InitializeHandler<Input, Output>;

/** What a module of the SDK gives, and a client of it. */
export interface Service<Sdk, Client> {
  readonly sdk: Sdk;
  readonly client: Client;
  /** To be handed to each `send`. */
  readonly options: { readonly abortSignal?: AbortSignal };
}

/** Loads the SDK of a service and makes its client, with `make`, when it is called first. */
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

/** The SDK says once in a process that Node 20 is old, unless it believes that it has. */
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

/** Around each call: tells of it, and makes Failures of its errors. */
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
        // The SDK takes any page for an answer in which nothing stands; AWS always numbers its answers.
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

/** What the SDK notes on answers and errors. */
function metadataOf(output: unknown): {
  readonly requestId?: string;
  readonly httpStatusCode?: number;
  readonly attempts?: number;
} {
  return (typeof output === 'object' && output !== null && '$metadata' in output && output.$metadata) || {};
}
