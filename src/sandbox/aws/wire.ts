import { randomUUID } from 'node:crypto';
import { type Action, AwsError, type CallFaults, type Region } from './action.js';
import { decode, encode, escapeXml, type Protocol, type Schema } from './codec.js';

/** Actions by name; the service's schemas define their input and output. */
export type Actions = Readonly<Record<string, Action<never, object>>>;

/** A service of the endpoint. */
export interface Service {
  readonly protocol: Protocol;
  readonly version: string;
  readonly namespace: string;
  /** Operation schemas as the SDK client exports them: `RunInstances$`. */
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly actions: Actions;
}

/** Services by the name in the credential scope. */
export type Services = Readonly<Record<string, Service>>;

/** The relevant parts of an HTTP request. */
export interface ApiRequest {
  /** The header: `AWS4-HMAC-SHA256 Credential=…`. The signature is not checked. */
  readonly authorization: string | undefined;
  /** The query string or the form in the body. */
  readonly form: string;
}

/** An HTTP response. */
export interface Reply {
  readonly status: number;
  /** For the header `x-amzn-requestid`; also in the body. */
  readonly requestId: string;
  /** XML. */
  readonly body: string;
  /** Cut the connection instead of sending the response. */
  readonly lost?: true;
}

/** A decoded call. */
export interface Call {
  readonly protocol: Protocol;
  readonly action: string;
  readonly input: object;
}

/** Chooses and counts the faults of a call. @throws AwsError to respond with instead of running it */
export type InjectFaults = (region: Region, call: Call) => Promise<CallFaults>;

/** More than any client sends: the longest lists have 1,000 members. */
const maxParameters = 5_000;

/** Handles one API request. Never throws: reports unexpected errors as progress and responds with InternalError. */
export async function handleRequest(
  services: Services,
  region: Region,
  request: ApiRequest,
  injectFaults: InjectFaults = async () => new Set(),
): Promise<Reply> {
  const requestId = randomUUID();
  const parameters = [...new URLSearchParams(request.form)];
  const fields = Object.fromEntries(parameters);
  const service = serviceOf(services, request.authorization, fields.Version);
  try {
    if (service === undefined) throw missingCredential;
    if (parameters.length > maxParameters)
      throw new AwsError('RequestEntityTooLarge', `A request has at most ${maxParameters} parameters`, 413);
    const { action, name, input } = parseCall(service, fields.Action, parameters);
    const faults = await injectFaults(region, { protocol: service.protocol, action: name, input });
    // Safe: the SDK generates its types from the same schema.
    const running = action(input as never, region, faults);
    if (faults.has('lost-response')) {
      await Promise.allSettled([running]);
      return { status: 500, requestId, body: '', lost: true };
    }
    const result = await running;
    return { status: 200, requestId, body: successBody(service, fields.Action ?? '', result, requestId) };
  } catch (error) {
    const awsError =
      error instanceof AwsError ? error : internalError(region, `${fields.Action}`, requestId, error);
    return { status: awsError.status, requestId, body: errorBody(service, awsError, requestId) };
  }
}

const missingCredential = new AwsError(
  'MissingAuthenticationToken',
  'The request must be signed for a service of this endpoint',
  403,
);

/** Finds the service by credential scope, else by version; `undefined` without a credential. */
function serviceOf(services: Services, authorization = '', version = ''): Service | undefined {
  const scope = /\bCredential=[^/\s]+\/\d{8}\/[^/\s]+\/([^/\s]+)\/aws4_request\b/.exec(authorization);
  if (scope === null) return undefined;
  const name = scope[1] ?? '';
  if (Object.hasOwn(services, name)) return services[name];
  return Object.values(services).find((service) => service.version === version);
}

/** @throws AwsError if the action is unknown or its parameters are invalid */
function parseCall(
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

/** An operation's schema is a tuple that ends with its input and output. */
function schemasOf(
  { schemas }: Service,
  action: string,
): { readonly input: Schema; readonly output: Schema } {
  const schema = schemas[`${action}$`];
  if (!Array.isArray(schema)) throw new Error(`no schema for the action ${action}`);
  const [, , , , input, output] = schema as readonly [...Schema[]];
  return { input: input ?? 'unit', output: output ?? 'unit' };
}

function successBody(service: Service, action: string, result: object, requestId: string): string {
  const content = encode(schemasOf(service, action).output, result);
  const inner =
    service.protocol === 'ec2Query'
      ? `<requestId>${requestId}</requestId>${content}`
      : `<${action}Result>${content}</${action}Result>${metadata(requestId)}`;
  return `${xmlDeclaration}<${action}Response xmlns="${service.namespace}">${inner}</${action}Response>`;
}

function errorBody(
  service: Service | undefined,
  { code, message, status }: AwsError,
  requestId: string,
): string {
  const error = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
  if (service === undefined || service.protocol === 'ec2Query')
    return `${xmlDeclaration}<Response><Errors><Error>${error}</Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  const type = `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type>`;
  return `${xmlDeclaration}<ErrorResponse xmlns="${service.namespace}"><Error>${type}${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
}

function internalError(region: Region, action: string, requestId: string, error: unknown): AwsError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  region.context.progress(`${action} ${requestId}: ${text}`);
  return new AwsError('InternalError', 'An internal error has occurred', 500);
}

const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const metadata = (requestId: string) =>
  `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
