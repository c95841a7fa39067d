import * as ec2 from '@aws-sdk/client-ec2';
import * as loadBalancing from '@aws-sdk/client-elastic-load-balancing-v2';
import { ec2Actions } from './ec2/actions.js';
import { elbActions } from './elb/actions.js';
import { stsActions, stsSchemas } from './sts.js';
import type { Services } from './wire.js';

/** The services of the endpoint. */
export const services: Services = {
  ec2: {
    protocol: 'ec2Query',
    version: '2016-11-15',
    namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    schemas: { ...ec2 },
    actions: ec2Actions,
  },
  elasticloadbalancing: {
    protocol: 'awsQuery',
    version: '2015-12-01',
    namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    schemas: { ...loadBalancing },
    actions: elbActions,
  },
  sts: {
    protocol: 'awsQuery',
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    schemas: stsSchemas,
    actions: stsActions,
  },
};
