import { randomUUID } from 'node:crypto';
import { type Action, AwsError, type Region, type Struck } from './action.js';
import { decode, encode, escaped, type Protocol, type Schema } from './codec.js';

/** Actions by the name that they have on the wire; the schemas say what each is handed and answers. */
export type Actions = Readonly<Record<string, Action<never, object>>>;

/** One of the services that share the endpoint. */
export interface Service {
  readonly protocol: Protocol;
  readonly version: string;
  readonly namespace: string;
  /** Operation schemas as the SDK client exports them: `RunInstances$`. */
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly actions: Actions;
}

/** By the name that credentials are scoped to. */
export type Services = Readonly<Record<string, Service>>;

/** A request, as far as it counts. */
export interface Asked {
  /** The header: `AWS4-HMAC-SHA256 Credential=…`. The signature is not looked at. */
  readonly authorization: string | undefined;
  /** The query, or a form in the body. */
  readonly form: string;
}

export interface Reply {
  readonly status: number;
  /** Goes out as `x-amzn-requestid`, where the SDK looks for it, and stands in the body for the others. */
  readonly requestId: string;
  /** XML. */
  readonly body: string;
  /** It must not arrive; nothing else of it counts. */
  readonly lost?: true;
}

/** A call that was understood, before it is carried out. */
export interface Call {
  readonly protocol: Protocol;
  readonly action: string;
  readonly input: object;
}

/** Decides what befalls a call, and counts it. @throws AwsError that is answered instead of carrying it out */
export type InjectFaults = (region: Region, call: Call) => Promise<Struck>;

/** More than any client sends: the longest lists of the API have a thousand members. */
const mostParameters = 5_000;

/**
 * Answers one request to the API. Never throws: what an action throws that is no AwsError is told to
 * `region.context.progress`, and the client gets an InternalError.
 */
export async function answer(
  services: Services,
  region: Region,
  asked: Asked,
  befall: InjectFaults = async () => new Set(),
): Promise<Reply> {
  const requestId = randomUUID();
  const parameters = [...new URLSearchParams(asked.form)];
  const named = Object.fromEntries(parameters);
  const service = serviceOf(services, asked.authorization, named.Version);
  try {
    if (service === undefined) throw unsigned;
    if (parameters.length > mostParameters)
      throw new AwsError('RequestEntityTooLarge', `A request has at most ${mostParameters} parameters`, 413);
    const { action, name, input } = understood(service, named.Action, parameters);
    const struck = await befall(region, { protocol: service.protocol, action: name, input });
    // Its input is what the schema of the same name says; the types of the SDK are made from the same.
    const acting = action(input as never, region, struck);
    if (struck.has('lost-response')) {
      await Promise.allSettled([acting]);
      return { status: 500, requestId, body: '', lost: true };
    }
    const result = await acting;
    return { status: 200, requestId, body: success(service, named.Action ?? '', result, requestId) };
  } catch (error) {
    const told = error instanceof AwsError ? error : internal(region, `${named.Action}`, requestId, error);
    return { status: told.status, requestId, body: failure(service, told, requestId) };
  }
}

const unsigned = new AwsError(
  'MissingAuthenticationToken',
  'The request must be signed for a service that this endpoint has',
  403,
);

/** The service that the credential is scoped to, or else that has the version; nothing for who shows no credential. */
function serviceOf(services: Services, authorization = '', version = ''): Service | undefined {
  const scope = /\bCredential=[^/\s]+\/\d{8}\/[^/\s]+\/([^/\s]+)\/aws4_request\b/.exec(authorization);
  if (scope === null) return undefined;
  const name = scope[1] ?? '';
  if (Object.hasOwn(services, name)) return services[name];
  return Object.values(services).find((service) => service.version === version);
}

/** What is asked for. @throws AwsError for what is none of the service's actions, or is not asked for as its schema says */
function understood(
  service: Service,
  name: string | undefined,
  parameters: Iterable<readonly [string, string]>,
): { readonly action: Action<never, object>; readonly name: string; readonly input: object } {
  if (name === undefined)
    throw new AwsError('MissingAction', 'The request must contain the parameter Action');
  const action = Object.hasOwn(service.actions, name) ? service.actions[name] : undefined;
  if (action === undefined)
    throw new AwsError('InvalidAction', `The action ${name} is not valid for this web service.`);
  const own = [...parameters].filter(([key]) => key !== 'Action' && key !== 'Version');
  const input = decode(service.protocol, schemasOf(service, name).input, own);
  if ('DryRun' in input && input.DryRun === true)
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  return { action, name, input };
}

/** An operation's schema is a tuple that ends with those of its input and output. */
function schemasOf(
  { schemas }: Service,
  action: string,
): { readonly input: Schema; readonly output: Schema } {
  const schema = schemas[`${action}$`];
  if (!Array.isArray(schema)) throw new Error(`no schema for the action ${action}`);
  const [, , , , input, output] = schema as readonly [...Schema[]];
  return { input: input ?? 'unit', output: output ?? 'unit' };
}

function success(service: Service, action: string, result: object, requestId: string): string {
  const content = encode(schemasOf(service, action).output, result);
  const inner =
    service.protocol === 'ec2Query'
      ? `<requestId>${requestId}</requestId>${content}`
      : `<${action}Result>${content}</${action}Result>${metadata(requestId)}`;
  return `${declaration}<${action}Response xmlns="${service.namespace}">${inner}</${action}Response>`;
}

function failure(
  service: Service | undefined,
  { code, message, status }: AwsError,
  requestId: string,
): string {
  const error = `<Code>${escaped(code)}</Code><Message>${escaped(message)}</Message>`;
  if (service === undefined || service.protocol === 'ec2Query')
    return `${declaration}<Response><Errors><Error>${error}</Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  const type = `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type>`;
  return `${declaration}<ErrorResponse xmlns="${service.namespace}"><Error>${type}${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
}

function internal(region: Region, action: string, requestId: string, error: unknown): AwsError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  region.context.progress(`${action} ${requestId}: ${text}`);
  return new AwsError('InternalError', 'An internal error has occurred', 500);
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const metadata = (requestId: string) =>
  `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
