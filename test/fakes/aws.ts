import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Region } from '../../src/sandbox/aws/action.js';
import { handleRequest, type Services } from '../../src/sandbox/aws/wire.js';
import { ec2Actions, elbActions } from './aws-actions.js';
import type { FakeCloud } from './cloud.js';

/** A reply that replaces the real one. */
export interface ScriptedReply {
  readonly status: number;
  readonly body: string;
  /** The reply does not come from AWS. */
  readonly foreign?: true;
}

/** An error in the format of EC2. */
export function ec2Error(code: string, message = 'no', status = 400): ScriptedReply {
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, body: `<Response><Errors>${error}</Errors><RequestID>1</RequestID></Response>` };
}

/** An error in the format of Elastic Load Balancing. */
export function elbError(code: string, message = 'no', status = 400): ScriptedReply {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, body: `<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>` };
}

/** A local EC2 and Elastic Load Balancing endpoint for a fake cloud. */
export interface AwsApi {
  readonly endpoint: string;
  /** All requests, in order. */
  readonly requests: readonly { readonly action: string; readonly form: URLSearchParams }[];
  /** Replaces the reply to the next `times` requests of the action. */
  replyOnce(action: string, other: ScriptedReply, times?: number): void;
  close(): void;
}

/** The part of a region that the actions use: it reports bugs. */
const region = {
  context: { progress: (text: string) => process.stderr.write(`${text}\n`) },
} as unknown as Region;

/** Starts an endpoint on a free port. */
export async function awsApi(cloud: FakeCloud): Promise<AwsApi> {
  const services = await servicesOf(cloud);
  const requested: { action: string; form: URLSearchParams }[] = [];
  const scripts: { action: string; other: ScriptedReply; times: number }[] = [];
  const server = createServer((request, response) => {
    void text(request).then(async (form) => {
      const action = new URLSearchParams(form).get('Action') ?? '';
      requested.push({ action, form: new URLSearchParams(form) });
      const scripted = scripts.find((one) => one.action === action && one.times > 0);
      if (scripted !== undefined) scripted.times -= 1;
      const authorization = request.headers.authorization;
      const reply: ScriptedReply =
        scripted?.other ?? (await handleRequest(services, region, { authorization, form }));
      const number = reply.foreign === true ? {} : { 'x-amzn-requestid': '1' };
      response.writeHead(reply.status, { 'content-type': 'text/xml', ...number }).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: requested,
    replyOnce: (action, other, times = 1) => scripts.push({ action, other, times }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function servicesOf(cloud: FakeCloud): Promise<Services> {
  return {
    ec2: {
      protocol: 'ec2Query',
      version: '2016-11-15',
      namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
      schemas: await import('@aws-sdk/client-ec2'),
      actions: ec2Actions(cloud),
    },
    elasticloadbalancing: {
      protocol: 'awsQuery',
      version: '2015-12-01',
      namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
      schemas: await import('@aws-sdk/client-elastic-load-balancing-v2'),
      actions: elbActions(cloud),
    },
  };
}
