import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Region } from '../../../../src/sandbox/aws/action.js';
import { injectFaults } from '../../../../src/sandbox/aws/faults/inject.js';
import { openStore } from '../../../../src/sandbox/aws/store.js';
import { handleRequest, type Reply, type Services } from '../../../../src/sandbox/aws/wire.js';
import type { Context } from '../../../../src/sandbox/context.js';
import { MovableClock } from '../../../fakes/clock.js';
import { FakeEngine } from './engine.js';

/** A context with a fake engine and clock; `logged` collects its progress. */
export function fakeContext(engine = new FakeEngine()) {
  const logged: string[] = [];
  const clock = new MovableClock();
  const context: Context = {
    ...{ docker: engine.docker, clock, env: {}, signal: new AbortController().signal },
    progress: (text) => logged.push(text),
  };
  const network = { id: 'n1', name: 'oneclick-test', prefix: '10.213.7.', registryPort: 5500 };
  return { engine, logged, clock, context, network };
}

/** A region without any resources. */
export async function emptyRegion(engine?: FakeEngine): Promise<Region & { readonly logged: string[] }> {
  const { context, network, logged } = fakeContext(engine);
  const store = await openStore(context, 'test');
  return {
    ...{ context, logged, network, store, sandbox: 'test', image: 'machine' },
    random: () => 0,
    reseed: () => {},
  };
}

/** SDK clients that call the services directly, without a network. */
export function clients(services: Services, region: Region) {
  const settings = {
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:1',
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
    maxAttempts: 1,
    requestHandler: {
      handle: async ({ headers, body }: { headers: Record<string, string>; body?: unknown }) => {
        const request = { authorization: headers.authorization, form: String(body) };
        return { response: response(await handleRequest(services, region, request, injectFaults)) };
      },
    },
  };
  return { ec2: new EC2Client(settings), elb: new ElasticLoadBalancingV2Client(settings) };
}

function response({ status, requestId, body, lost }: Reply) {
  if (lost) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  const headers = { 'x-amzn-requestid': requestId, 'content-type': 'text/xml' };
  return { statusCode: status, headers, body: new TextEncoder().encode(body) };
}
