import { given } from '../../domain/given.js';
/** The variables of an environment, as they are handed to a program. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The services that are called, by their names in IAM and in host names. */
export type ServiceName = 'ec2' | 'elasticloadbalancing';

/**
 * What AWS's own variables say: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html. What they leave open the SDK finds
 * as it always does: in `~/.aws`, by SSO, from the metadata service.
 */
export interface Settings {
  readonly region?: string;
  readonly profile?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Where the service is instead of at AWS. */
  readonly endpoint?: string;
}

const ownEndpoint: Record<ServiceName, string> = {
  ec2: 'AWS_ENDPOINT_URL_EC2',
  elasticloadbalancing: 'AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2',
};

/** The settings of one service; an empty variable says nothing. As with the SDK a profile outranks keys. */
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
