import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Region } from '../../../../src/sandbox/aws/action.js';
import { injectFaults } from '../../../../src/sandbox/aws/faults/inject.js';
import { openStore } from '../../../../src/sandbox/aws/store.js';
import { answer, type Reply, type Services } from '../../../../src/sandbox/aws/wire.js';
import type { Context } from '../../../../src/sandbox/context.js';
import { MovableClock } from '../../../fakes/clock.js';
import { FakeEngine } from './engine.js';

/** What the region of the tests has around it; what it tells of bugs is kept in `told`. */
export function surroundings(engine = new FakeEngine()) {
  const told: string[] = [];
  const clock = new MovableClock();
  const context: Context = {
    ...{ docker: engine.docker, clock, env: {}, signal: new AbortController().signal },
    progress: (text) => told.push(text),
  };
  const network = { id: 'n1', name: 'oneclick-test', prefix: '10.213.7.', registryPort: 5500 };
  return { engine, told, clock, context, network };
}

/** A region that has nothing yet. */
export async function emptyRegion(engine?: FakeEngine): Promise<Region & { readonly told: string[] }> {
  const { context, network, told } = surroundings(engine);
  const store = await openStore(context, 'test');
  return {
    ...{ context, told, network, store, sandbox: 'test', image: 'machine' },
    random: () => 0,
    reseed: () => {},
  };
}

/** The SDK's clients, with the services in the place of the network. */
export function clients(services: Services, region: Region) {
  const settings = {
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:1',
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
    maxAttempts: 1,
    requestHandler: {
      handle: async ({ headers, body }: { headers: Record<string, string>; body?: unknown }) => {
        const asked = { authorization: headers.authorization, form: String(body) };
        return { response: response(await answer(services, region, asked, injectFaults)) };
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
