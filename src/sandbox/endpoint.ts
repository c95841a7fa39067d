/**
 * The endpoint of a sandbox: answers the API of AWS on a port of this machine's loopback. Started by `up`, detached; ends
 * when it is told to, and by itself when the network of its sandbox is gone.
 *
 *     endpoint.js NAME
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Region } from './aws/action.js';
import { reconcileLoadBalancers } from './aws/elb/actions.js';
import { behave, behaviour } from './aws/faults/behaviour.js';
import { apiOverHttp } from './aws/http.js';
import { openRegion } from './aws/region.js';
import { services } from './aws/services.js';
import { clock } from './clock.js';
import type { Context } from './context.js';
import { connect, messageOf } from './docker.js';
import { about, controlPath, controlToken, endpointUrl } from './endpoint-process.js';
import { ensureImage } from './image.js';
import { endpointPort, findNetwork, type Network } from './network.js';
import { ensureKey, type StateFiles, stateFiles } from './state.js';

/** What faults can be restricted to. */
const actions = Object.values(services).flatMap((service) => Object.keys(service.actions));

/** How often it looks whether its network is still there, ms. */
const pulse = 2_000;

async function main([name = '']: readonly string[]): Promise<void> {
  const files = stateFiles(process.env, name);
  const ended = new AbortController();
  const context: Context = {
    docker: await connect(),
    progress: (text) => log(files, text),
    signal: ended.signal,
    clock,
    env: process.env,
  };
  const network = await findNetwork(context, name);
  if (network === undefined) return;
  const end = (why: string) => {
    log(files, why);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(`ended by ${signal}`));

  // Whoever has the port is the only one that writes the store.
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(endpointPort(network), '127.0.0.1', resolve);
  });
  const region = opened(context, name, network);
  const control = {
    ...{ path: controlPath, token: controlToken(network), about: about(), behaviour },
    behave: (open: Region, text: string) => behave(open, text, actions),
    end: () => end('ended by the sandbox'),
  };
  server.on('request', apiOverHttp(services, region, control));
  const open = await region;
  reconcileLoadBalancers(open).catch((error: unknown) => log(files, `load balancers: ${messageOf(error)}`));
  log(files, `answers at ${endpointUrl(network)}`);
  for (;;) {
    await clock.sleep(pulse, ended.signal);
    // An engine that does not answer may be back soon; what it does not know is gone.
    const found = await findNetwork(context, name).catch(() => network);
    if (found?.id !== network.id) end('its network is gone');
  }
}

async function opened(context: Context, name: string, network: Network): Promise<Region> {
  const image = await ensureImage(context);
  const publicKey = await ensureKey(stateFiles(context.env, name), name);
  return openRegion(context, name, network, image, publicKey);
}

/** Appends a line; from 1 MB on the old lines are in a file beside it. */
function log({ log: path }: StateFiles, text: string): void {
  try {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000) renameSync(path, `${path}.old`);
    appendFileSync(path, `${clock.now().toISOString()} ${text}\n`, { mode: 0o600 });
  } catch {
    // Its folder is gone, or the disk is full: that nothing can be written is no reason to end.
  }
}

await main(process.argv.slice(2));
