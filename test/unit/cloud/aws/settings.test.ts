import { describe, expect, it } from '@jest/globals';
import { settingsOf } from '../../../../src/cloud/aws/settings.js';

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

describe('the variables of AWS', () => {
  it('say nothing when they are not set, or empty', () => {
    expect(settingsOf('ec2', {})).toEqual({});
    expect(settingsOf('ec2', { AWS_REGION: '', AWS_PROFILE: '', AWS_ENDPOINT_URL: '' })).toEqual({});
  });

  it('give a region, and the one for this SDK before the one of the CLI', () => {
    expect(settingsOf('ec2', { AWS_DEFAULT_REGION: 'eu-west-1' })).toEqual({ region: 'eu-west-1' });
    const both = { AWS_DEFAULT_REGION: 'eu-west-1', AWS_REGION: 'eu-central-1' };
    expect(settingsOf('ec2', both)).toEqual({ region: 'eu-central-1' });
  });

  it('give keys, with a token, but not beside a profile, nor by halves', () => {
    expect(settingsOf('ec2', { ...keys, AWS_SESSION_TOKEN: 'token' })).toEqual({
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' },
    });
    expect(settingsOf('ec2', { ...keys, AWS_PROFILE: 'shop' })).toEqual({ profile: 'shop' });
    expect(settingsOf('ec2', { AWS_ACCESS_KEY_ID: 'id' })).toEqual({});
  });

  it('give an endpoint, and one service its own', () => {
    const variables = {
      AWS_ENDPOINT_URL: 'http://all',
      AWS_ENDPOINT_URL_EC2: 'http://ec2',
    };
    expect(settingsOf('ec2', variables)).toEqual({ endpoint: 'http://ec2' });
    expect(settingsOf('elasticloadbalancing', variables)).toEqual({ endpoint: 'http://all' });
    const own = { ...variables, AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2: 'http://elb' };
    expect(settingsOf('elasticloadbalancing', own)).toEqual({ endpoint: 'http://elb' });
  });

  it('give none when endpoints are to be ignored', () => {
    const ignored = { AWS_ENDPOINT_URL: 'http://all', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    expect(settingsOf('ec2', ignored)).toEqual({});
  });
});
