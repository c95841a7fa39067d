import { given } from '../../domain/given.js';

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** AWS services, as named in IAM and in host names. */
export type ServiceName = 'ec2' | 'elasticloadbalancing';

/**
 * Settings from AWS's variables (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). The SDK finds
 * the others in `~/.aws`, by SSO or from the metadata service.
 */
export interface Settings {
  readonly region?: string;
  readonly profile?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** URL of the service, instead of AWS's. */
  readonly endpoint?: string;
}

const ownEndpoint: Record<ServiceName, string> = {
  ec2: 'AWS_ENDPOINT_URL_EC2',
  elasticloadbalancing: 'AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2',
};

/** Returns the settings of a service; ignores empty variables. As in the SDK, a profile takes precedence over keys. */
export function settingsOf(service: ServiceName, variables: Variables): Settings {
  const variable = (name: string) => variables[name] || undefined;
  const region = variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION');
  const profile = variable('AWS_PROFILE');
  const ignored = variable('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS')?.toLowerCase() === 'true';
  const endpoint = ignored ? undefined : (variable(ownEndpoint[service]) ?? variable('AWS_ENDPOINT_URL'));
  const [accessKeyId, secretAccessKey] = [variable('AWS_ACCESS_KEY_ID'), variable('AWS_SECRET_ACCESS_KEY')];
  const sessionToken = variable('AWS_SESSION_TOKEN');
  const keys =
    profile === undefined && accessKeyId !== undefined && secretAccessKey !== undefined
      ? { accessKeyId, secretAccessKey, ...given({ sessionToken }) }
      : undefined;
  return {
    ...given({ region, profile, credentials: keys, endpoint }),
  };
}
