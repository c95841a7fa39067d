import type {
  CreateListenerInput,
  CreateListenerOutput,
  DeleteListenerInput,
  DeleteListenerOutput,
  Listener as Described,
  DescribeListenersInput,
  DescribeListenersOutput,
  ModifyListenerInput,
  ModifyListenerOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { answerOf, beginChecks, describedAnswer } from './answers.js';
import type { BalancerState } from './balancer-state.js';
import { apiPort } from './config.js';
import { type Listener, listeners, newArn, rules } from './documents.js';
import { loadBalancer } from './load-balancers.js';
import { invalid, page, pairs, required, within } from './request.js';

/** @throws AwsError `ListenerNotFound` */
export function listener({ store }: Region, arn: string | undefined): Listener {
  const found = store.get(listeners, required(arn, 'listenerArn'));
  if (found === undefined) throw new AwsError('ListenerNotFound', 'One or more listeners not found');
  return found;
}

/** The actions on listeners. */
export function listenerActions(world: BalancerState) {
  const put = async (region: Region, it: Listener) => {
    await beginChecks(it.answer, region);
    await region.store.put(listeners, it.arn, it);
    await world.enforce(region, it.loadBalancer);
    return { Listeners: [described(it)] };
  };

  const create: Action<CreateListenerInput, CreateListenerOutput> = async (input, region) => {
    const balancer = loadBalancer(region, input.LoadBalancerArn);
    const port = portOf(input);
    const answer = answerOf(input.DefaultActions, balancer.arn, region);
    const present = onPort(region, balancer.arn, port);
    // AWS: several calls with the same settings all succeed.
    if (present !== undefined && JSON.stringify(present.answer) === JSON.stringify(answer)) {
      return put(region, present);
    }
    if (present !== undefined) throw duplicate();
    const arn = newArn(region, listeners, balancer.arn.replace(':loadbalancer/', ':listener/'));
    return put(region, { arn, loadBalancer: balancer.arn, port, answer, tags: pairs(input.Tags) });
  };

  const describe: Action<DescribeListenersInput, DescribeListenersOutput> = async (input, region) => {
    const { items, ...next } = page(chosen(input, region), input);
    return { Listeners: items.map(described), ...next };
  };

  const modify: Action<ModifyListenerInput, ModifyListenerOutput> = async (input, region) => {
    const before = listener(region, input.ListenerArn);
    const port = input.Port === undefined ? before.port : portOf({ Protocol: 'HTTP', ...input });
    const present = onPort(region, before.loadBalancer, port);
    if (present !== undefined && present.arn !== before.arn) throw duplicate();
    const answer =
      input.DefaultActions === undefined
        ? before.answer
        : answerOf(input.DefaultActions, before.loadBalancer, region);
    return put(region, { ...before, port, answer });
  };

  const remove: Action<DeleteListenerInput, DeleteListenerOutput> = async (input, region) => {
    const { arn, loadBalancer } = listener(region, input.ListenerArn);
    const own = region.store.all(rules).filter((rule) => rule.listener === arn);
    await region.store.remove(listeners, arn);
    for (const rule of own) await region.store.remove(rules, rule.arn);
    await world.enforce(region, loadBalancer);
    return {};
  };

  return {
    CreateListener: create,
    DescribeListeners: describe,
    ModifyListener: modify,
    DeleteListener: remove,
  };
}

function portOf({ Port, Protocol }: Pick<CreateListenerInput, 'Port' | 'Protocol'>): number {
  if (required(Protocol, 'protocol') !== 'HTTP')
    throw invalid(`The sandbox has listeners for HTTP only, not '${Protocol}'`);
  const port = within(required(Port, 'port'), 'Port', 1, 65535);
  if (port === apiPort) throw invalid(`The sandbox keeps port ${apiPort} of its load balancers for itself`);
  return port;
}

function onPort({ store }: Region, loadBalancer: string, port: number): Listener | undefined {
  return store.all(listeners).find((one) => one.loadBalancer === loadBalancer && one.port === port);
}

function duplicate(): AwsError {
  return new AwsError('DuplicateListener', 'A listener already exists on this port for this load balancer');
}

function chosen(input: DescribeListenersInput, region: Region): readonly Listener[] {
  const arns = input.ListenerArns ?? [];
  if (arns.length > 0) return arns.map((arn) => listener(region, arn));
  const { arn } = loadBalancer(region, input.LoadBalancerArn);
  return region.store.all(listeners).filter((one) => one.loadBalancer === arn);
}

function described(it: Listener): Described {
  return {
    ListenerArn: it.arn,
    LoadBalancerArn: it.loadBalancer,
    Port: it.port,
    Protocol: 'HTTP',
    DefaultActions: describedAnswer(it.answer),
  };
}
