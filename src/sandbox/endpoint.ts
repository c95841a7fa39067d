/**
 * The endpoint of a sandbox: serves the AWS API on a loopback port. `up` starts it detached; it stops on request, or
 * when the sandbox's network is gone.
 *
 *     endpoint.js NAME
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Region } from './aws/action.js';
import { reconcileLoadBalancers } from './aws/elb/actions.js';
import { behaviorOf, changeBehavior } from './aws/faults/behavior.js';
import { apiListener } from './aws/http.js';
import { openRegion } from './aws/region.js';
import { services } from './aws/services.js';
import { clock } from './clock.js';
import type { Context } from './context.js';
import { connect, messageOf } from './docker.js';
import { controlPath, controlToken, endpointUrl, processInfo } from './endpoint-process.js';
import { ensureImage } from './image.js';
import { endpointPort, findNetwork, type Network } from './network.js';
import { ensureKey, type StateFiles, stateFiles } from './state.js';

const actions = Object.values(services).flatMap((service) => Object.keys(service.actions));

/** How often the endpoint checks that its network exists. */
const pollMs = 2_000;

async function main([name = '']: readonly string[]): Promise<void> {
  const files = stateFiles(process.env, name);
  const shutdown = new AbortController();
  const context: Context = {
    docker: await connect(),
    progress: (text) => log(files, text),
    signal: shutdown.signal,
    clock,
    env: process.env,
  };
  const network = await findNetwork(context, name);
  if (network === undefined) return;
  const exit = (reason: string) => {
    log(files, reason);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => exit(`stopped by ${signal}`));

  // The port is the lock: only its owner writes the store.
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(endpointPort(network), '127.0.0.1', resolve);
  });
  const region = openSandbox(context, name, network);
  const control = {
    ...{ path: controlPath, token: controlToken(network), info: processInfo(), behavior: behaviorOf },
    changeBehavior: (target: Region, text: string) => changeBehavior(target, text, actions),
    stop: () => exit('stopped by the sandbox'),
  };
  server.on('request', apiListener(services, region, control));
  const openedRegion = await region;
  reconcileLoadBalancers(openedRegion).catch((error: unknown) =>
    log(files, `load balancers: ${messageOf(error)}`),
  );
  log(files, `listening on ${endpointUrl(network)}`);
  for (;;) {
    await clock.sleep(pollMs, shutdown.signal);
    // An engine that does not respond may only be restarting.
    const current = await findNetwork(context, name).catch(() => network);
    if (current?.id !== network.id) exit('the network is gone');
  }
}

async function openSandbox(context: Context, name: string, network: Network): Promise<Region> {
  const image = await ensureImage(context);
  const publicKey = await ensureKey(stateFiles(context.env, name), name);
  return openRegion(context, name, network, image, publicKey);
}

/** Appends a line; rotates the file at 1 MB. */
function log({ log: path }: StateFiles, text: string): void {
  try {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000) renameSync(path, `${path}.old`);
    appendFileSync(path, `${clock.now().toISOString()} ${text}\n`, { mode: 0o600 });
  } catch {
    // A missing folder or a full disk must not stop the endpoint.
  }
}

await main(process.argv.slice(2));
