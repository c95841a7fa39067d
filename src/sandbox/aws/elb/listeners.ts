import type {
  CreateListenerInput,
  CreateListenerOutput,
  DeleteListenerInput,
  DeleteListenerOutput,
  DescribeListenersInput,
  DescribeListenersOutput,
  Listener as Description,
  ModifyListenerInput,
  ModifyListenerOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { actionsFor, answerOf, startChecks } from './answers.js';
import type { BalancerState } from './balancer-state.js';
import { apiPort } from './config.js';
import { type Listener, listeners, newArn, rules } from './documents.js';
import { findLoadBalancer } from './load-balancers.js';
import { inRange, invalid, paginate, required, toRecord } from './request.js';

/** Finds a listener by ARN. @throws AwsError `ListenerNotFound` */
export function findListener({ store }: Region, arn: string | undefined): Listener {
  const found = store.get(listeners, required(arn, 'listenerArn'));
  if (found === undefined) throw new AwsError('ListenerNotFound', 'One or more listeners not found');
  return found;
}

/** Returns the actions on listeners. */
export function listenerActions(state: BalancerState) {
  const put = async (region: Region, it: Listener) => {
    await startChecks(it.answer, region);
    await region.store.put(listeners, it.arn, it);
    await state.sync(region, it.loadBalancer);
    return { Listeners: [toResponse(it)] };
  };

  const create: Action<CreateListenerInput, CreateListenerOutput> = async (input, region) => {
    const balancer = findLoadBalancer(region, input.LoadBalancerArn);
    const port = portOf(input);
    const answer = answerOf(input.DefaultActions, balancer.arn, region);
    const present = onPort(region, balancer.arn, port);
    // As in AWS: repeated calls with the same settings succeed.
    if (present !== undefined && JSON.stringify(present.answer) === JSON.stringify(answer)) {
      return put(region, present);
    }
    if (present !== undefined) throw duplicateError();
    const arn = newArn(region, listeners, balancer.arn.replace(':loadbalancer/', ':listener/'));
    return put(region, { arn, loadBalancer: balancer.arn, port, answer, tags: toRecord(input.Tags) });
  };

  const describe: Action<DescribeListenersInput, DescribeListenersOutput> = async (input, region) => {
    const { items, ...next } = paginate(selected(input, region), input);
    return { Listeners: items.map(toResponse), ...next };
  };

  const modify: Action<ModifyListenerInput, ModifyListenerOutput> = async (input, region) => {
    const before = findListener(region, input.ListenerArn);
    const port = input.Port === undefined ? before.port : portOf({ Protocol: 'HTTP', ...input });
    const present = onPort(region, before.loadBalancer, port);
    if (present !== undefined && present.arn !== before.arn) throw duplicateError();
    const answer =
      input.DefaultActions === undefined
        ? before.answer
        : answerOf(input.DefaultActions, before.loadBalancer, region);
    return put(region, { ...before, port, answer });
  };

  const remove: Action<DeleteListenerInput, DeleteListenerOutput> = async (input, region) => {
    const { arn, loadBalancer } = findListener(region, input.ListenerArn);
    const own = region.store.all(rules).filter((rule) => rule.listener === arn);
    await region.store.remove(listeners, arn);
    for (const rule of own) await region.store.remove(rules, rule.arn);
    await state.sync(region, loadBalancer);
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
    throw invalid(`The sandbox supports only HTTP listeners, not '${Protocol}'`);
  const port = inRange(required(Port, 'port'), 'Port', 1, 65535);
  if (port === apiPort) throw invalid(`Port ${apiPort} is reserved by the sandbox`);
  return port;
}

function onPort({ store }: Region, loadBalancer: string, port: number): Listener | undefined {
  return store.all(listeners).find((one) => one.loadBalancer === loadBalancer && one.port === port);
}

function duplicateError(): AwsError {
  return new AwsError('DuplicateListener', 'A listener already exists on this port for this load balancer');
}

function selected(input: DescribeListenersInput, region: Region): readonly Listener[] {
  const arns = input.ListenerArns ?? [];
  if (arns.length > 0) return arns.map((arn) => findListener(region, arn));
  const { arn } = findLoadBalancer(region, input.LoadBalancerArn);
  return region.store.all(listeners).filter((one) => one.loadBalancer === arn);
}

function toResponse(it: Listener): Description {
  return {
    ListenerArn: it.arn,
    LoadBalancerArn: it.loadBalancer,
    Port: it.port,
    Protocol: 'HTTP',
    DefaultActions: actionsFor(it.answer),
  };
}
