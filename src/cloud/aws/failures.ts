import { Failure, type FailureKind } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { refusedTargets, unknownGroups, unknownInstances } from '../failures.js';
import { cleanMessage } from './clean-message.js';

/** The context of a call. */
export interface CallContext {
  /** The IAM action, such as `ec2:DescribeInstances`. */
  readonly action: string;
  /** The ARN of the target group, if the call has one. */
  readonly group?: string;
  readonly profile?: string;
  /** URL or host name of the service. */
  readonly endpoint: string;
}

/** An error of the SDK; no property is guaranteed. */
interface SdkError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly hostname?: unknown;
  readonly $fault?: unknown;
  readonly $response?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Converts an error of the SDK to a Failure; returns bugs unchanged. */
export function awsFailure(error: unknown, call: CallContext): unknown {
  if (error instanceof Failure || typeof error !== 'object' || error === null) return error;
  const sdkError: SdkError = error;
  return (
    localFailure(sdkError, call) ?? networkFailure(sdkError, call) ?? serviceFailure(sdkError, call) ?? error
  );
}

/** Converts errors of the local configuration. */
function localFailure(error: SdkError, { profile, endpoint }: CallContext): Failure | undefined {
  const message = text(error.message);
  const named = profile === undefined ? '' : ` --profile ${profile}`;
  const owner = profile === undefined ? '' : ` for profile ${profile}`;
  if (message === 'Region is missing')
    return accessFailure(
      'cloud.no-region',
      'no AWS region is set',
      'set AWS_REGION, or run `aws configure`',
      error,
    );
  if (message.startsWith('Region not accepted'))
    return new Failure('usage', 'cloud.region', message, { hint: 'check AWS_REGION', cause: error });
  if (error.code === 'ERR_INVALID_URL')
    return new Failure('usage', 'cloud.endpoint', `AWS_ENDPOINT_URL must be a URL, not ${endpoint}`, {
      hint: 'check AWS_ENDPOINT_URL',
    });
  if (!/^(Credentials|Token)?Provider(Error)?$/.test(text(error.name)) && !/credential_process/.test(message))
    return undefined;
  if (/expired|SSO session|sso login|reauthenticate/i.test(message))
    return accessFailure(
      'cloud.expired',
      `the AWS login${owner} has expired`,
      `run: aws sso login${named}`,
      error,
    );
  return accessFailure(
    'cloud.no-credentials',
    `no AWS credentials found${owner}`,
    `run \`aws configure${named}\` or \`aws sso login${named}\`, or set AWS_PROFILE`,
    error,
  );
}

const networkErrors =
  /\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPROTO)\b/;
const certificateErrors = /\b\w*(CERT|_SIGNATURE|_TLS_|_SSL_)\w*\b/;

/** Converts network errors, from the code or, if the SDK dropped it, the message. */
function networkFailure(error: SdkError, { endpoint }: CallContext): Failure | undefined {
  const detail = text(error.code) || text(error.message);
  if (/^HPE_|\bParse Error: /.test(detail)) return unexpectedResponse(endpoint, 'not HTTP', error);
  const code = networkErrors.exec(detail)?.[0];
  const untrusted =
    error.$metadata?.httpStatusCode === undefined ? certificateErrors.exec(detail)?.[0] : undefined;
  if (code === undefined && untrusted === undefined && error.name !== 'TimeoutError') return undefined;
  const host = text(error.hostname) || endpoint;
  const problem =
    untrusted === undefined
      ? `cannot be reached (${code ?? 'timed out'})`
      : `has an untrusted certificate (${untrusted})`;
  return new Failure('unreachable', 'cloud.unreachable', `${host} ${problem}`, {
    hint: 'check the network, the region, and AWS_ENDPOINT_URL',
    cause: error,
  });
}

const refusals: readonly (readonly [RegExp, FailureKind, string, string, string?])[] = [
  [
    /^(ExpiredToken|ExpiredTokenException|RequestExpired)$/,
    'access',
    'cloud.expired',
    'the AWS credentials have expired',
    "run `aws sso login`, and check this machine's clock",
  ],
  [
    /^(RequestTimeTooSkewed|RequestInTheFuture)$/,
    'access',
    'cloud.clock',
    "AWS rejected this machine's time",
    "set this machine's clock",
  ],
  [
    /^(AuthFailure|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|InvalidAccessKeyId|MissingAuthenticationToken)/,
    'access',
    'cloud.credentials',
    'AWS rejected the credentials',
    'check them with `aws sts get-caller-identity`, then run `aws configure` or `aws sso login`',
  ],
  [
    /^(OptInRequired|PendingVerification|Blocked)$/,
    'access',
    'cloud.account',
    'this service is not enabled for the AWS account',
    'enable the account or the region in the AWS console',
  ],
];

const throttled = /^(Throttling|ThrottlingException|RequestLimitExceeded|TooManyRequestsException|SlowDown)$/;
const serverErrors = /^(InternalError|InternalFailure|ServiceUnavailable|Unavailable)/;

/** Converts error responses of the service. */
function serviceFailure(error: SdkError, call: CallContext): Failure | undefined {
  const code = text(error.name);
  if (error.$fault === undefined && error.$response === undefined) return undefined;
  const message = cleanMessage(text(error.message)) || code;
  if (/^(UnauthorizedOperation|AccessDenied|AccessDeniedException)$/.test(code))
    return deniedFailure(error, call);
  const refusal = refusals.find(([pattern]) => pattern.test(code));
  if (refusal !== undefined) {
    const [, kind, failureCode, message, hint] = refusal;
    return new Failure(kind, failureCode, message, { ...given({ hint }), cause: error });
  }
  if (code === 'TargetGroupNotFound' || code === 'TargetGroupNotFoundException')
    return unknownGroups([call.group ?? '']);
  if (/^InvalidTarget(Exception)?$/.test(code)) return refusedTargets(message, error);
  if (/^InvalidInstanceID/.test(code)) return unknownInstances(message, error);
  if (throttled.test(code))
    return new Failure('failed', 'cloud.throttled', `AWS throttles ${call.action} for this account`, {
      hint: 'wait a minute; another program may call AWS often',
      transient: true,
      cause: error,
    });
  return otherFailure(error, code, message, call);
}

function otherFailure(
  error: SdkError,
  code: string,
  message: string,
  { action, endpoint }: CallContext,
): Failure {
  const status = error.$metadata?.httpStatusCode ?? 0;
  if (error.$fault === undefined || code === 'Unknown')
    return unexpectedResponse(endpoint, `status ${status}`, error);
  const passing = status >= 500 || serverErrors.test(code);
  return new Failure('failed', 'cloud.refused', `${action}: ${message} (${code})`, {
    ...(passing ? { transient: true as const } : {}),
    cause: error,
  });
}

/** Returns the failure of a server that does not respond like AWS. */
export function unexpectedResponse(endpoint: string, detail: string, cause?: unknown): Failure {
  return new Failure('unreachable', 'cloud.nonsense', `unexpected response from ${endpoint} (${detail})`, {
    hint: 'check AWS_ENDPOINT_URL, and whether a proxy or a login page intercepts requests',
    ...given({ cause }),
  });
}

function deniedFailure(error: SdkError, { action }: CallContext): Failure {
  const who = /User: (arn:[^\s"]+)/.exec(cleanMessage(text(error.message)))?.[1];
  return accessFailure(
    'cloud.denied',
    `${who ?? 'this login'} has no permission for ${action}`,
    'request the permissions that `oneclick iam policy` prints',
    error,
  );
}

const accessFailure = (code: string, message: string, hint: string, cause: unknown): Failure =>
  new Failure('access', code, message, { hint, cause });
