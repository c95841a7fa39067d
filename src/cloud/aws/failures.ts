import { Failure, type FailureKind } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { refusedTargets, unknownGroups, unknownInstances } from '../failures.js';
import { cleanMessage } from './words.js';

/** What was being done when it failed. */
export interface CallContext {
  /** `ec2:DescribeInstances`, as IAM calls it. */
  readonly action: string;
  /** The target group that it was about. */
  readonly group?: string;
  readonly profile?: string;
  /** Where the service is, as far as it is known. */
  readonly endpoint: string;
}

/** An error of the SDK, as far as it can be relied upon: nothing of it. */
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

/** A Failure out of what the SDK throws; what is none of the world's doing comes back as it is. */
export function awsFailure(error: unknown, call: CallContext): unknown {
  if (error instanceof Failure || typeof error !== 'object' || error === null) return error;
  const sdkError: SdkError = error;
  return (
    localFailure(sdkError, call) ?? networkFailure(sdkError, call) ?? serviceFailure(sdkError, call) ?? error
  );
}

/** What is missing or wrong on this machine. */
function localFailure(error: SdkError, { profile, endpoint }: CallContext): Failure | undefined {
  const message = text(error.message);
  const named = profile === undefined ? '' : ` --profile ${profile}`;
  const whose = profile === undefined ? '' : ` of the profile ${profile}`;
  if (message === 'Region is missing')
    return accessFailure(
      'cloud.no-region',
      'no AWS region is set',
      'Type `export AWS_REGION=…` or `aws configure`.',
      error,
    );
  if (message.startsWith('Region not accepted'))
    return new Failure('usage', 'cloud.region', message, { hint: 'Check AWS_REGION.', cause: error });
  if (error.code === 'ERR_INVALID_URL')
    return new Failure('usage', 'cloud.endpoint', `${endpoint} is no URL`, {
      hint: 'Check AWS_ENDPOINT_URL.',
    });
  if (!/^(Credentials|Token)?Provider(Error)?$/.test(text(error.name)) && !/credential_process/.test(message))
    return undefined;
  if (/expired|SSO session|sso login|reauthenticate/i.test(message))
    return accessFailure(
      'cloud.expired',
      `the login${whose} at AWS has expired`,
      `Type \`aws sso login${named}\`.`,
      error,
    );
  return accessFailure(
    'cloud.no-credentials',
    `there are no AWS credentials${whose}`,
    `Type \`aws configure${named}\` or \`aws sso login${named}\`, or set AWS_PROFILE.`,
    error,
  );
}

const networkErrors =
  /\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPROTO)\b/;
const certificateErrors = /\b\w*(CERT|_SIGNATURE|_TLS_|_SSL_)\w*\b/;

/** What the network says: by its code, or in its words, where the SDK keeps no more of it. */
function networkFailure(error: SdkError, { endpoint }: CallContext): Failure | undefined {
  const detail = text(error.code) || text(error.message);
  if (/^HPE_|\bParse Error: /.test(detail)) return unexpectedResponse(endpoint, 'no HTTP', error);
  const code = networkErrors.exec(detail)?.[0];
  const untrusted =
    error.$metadata?.httpStatusCode === undefined ? certificateErrors.exec(detail)?.[0] : undefined;
  if (code === undefined && untrusted === undefined && error.name !== 'TimeoutError') return undefined;
  const host = text(error.hostname) || endpoint;
  const problem =
    untrusted === undefined
      ? `cannot be reached (${code ?? 'no answer in time'})`
      : `shows a certificate that is not trusted (${untrusted})`;
  return new Failure('unreachable', 'cloud.unreachable', `${host} ${problem}`, {
    hint: 'Check the network, the region, and AWS_ENDPOINT_URL if it is set.',
    cause: error,
  });
}

const refusals: readonly (readonly [RegExp, FailureKind, string, string, string?])[] = [
  [
    /^(ExpiredToken|ExpiredTokenException|RequestExpired)$/,
    'access',
    'cloud.expired',
    'the credentials for AWS have expired',
    'Log in again (`aws sso login`), and check the clock of this machine.',
  ],
  [
    /^(RequestTimeTooSkewed|RequestInTheFuture)$/,
    'access',
    'cloud.clock',
    'AWS does not accept the time of this machine',
    'Set its clock.',
  ],
  [
    /^(AuthFailure|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|InvalidAccessKeyId|MissingAuthenticationToken)/,
    'access',
    'cloud.credentials',
    'AWS does not accept the credentials',
    'Check them with `aws sts get-caller-identity`, then type `aws configure` or `aws sso login`.',
  ],
  [
    /^(OptInRequired|PendingVerification|Blocked)$/,
    'access',
    'cloud.account',
    'the AWS account may not use this service',
    'Look into the console of AWS: the account or the region is not enabled.',
  ],
];

const throttled = /^(Throttling|ThrottlingException|RequestLimitExceeded|TooManyRequestsException|SlowDown)$/;
const serverErrors = /^(InternalError|InternalFailure|ServiceUnavailable|Unavailable)/;

/** What the service said. */
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
    return new Failure(
      'failed',
      'cloud.throttled',
      `AWS takes no more calls of this account for now (${call.action})`,
      {
        hint: 'Something else calls AWS often: wait a minute.',
        passing: true,
        cause: error,
      },
    );
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
    ...(passing ? { passing: true as const } : {}),
    cause: error,
  });
}

/** Somebody else answers. */
export function unexpectedResponse(endpoint: string, detail: string, cause?: unknown): Failure {
  return new Failure('unreachable', 'cloud.nonsense', `${endpoint} does not answer as AWS does (${detail})`, {
    hint: 'Check AWS_ENDPOINT_URL, and whether a proxy or a login page stands in between.',
    ...given({ cause }),
  });
}

function deniedFailure(error: SdkError, { action }: CallContext): Failure {
  const who = /User: (arn:[^\s"]+)/.exec(cleanMessage(text(error.message)))?.[1];
  return accessFailure(
    'cloud.denied',
    `${who ?? 'this login'} is not allowed ${action}`,
    'Ask for it: `oneclick iam policy` prints all that is needed.',
    error,
  );
}

const accessFailure = (code: string, message: string, hint: string, cause: unknown): Failure =>
  new Failure('access', code, message, { hint, cause });
