import type {
  RuleCondition as ConditionDescription,
  CreateRuleInput,
  CreateRuleOutput,
  DeleteRuleInput,
  DeleteRuleOutput,
  DescribeRulesInput,
  DescribeRulesOutput,
  Rule as Description,
  ModifyRuleInput,
  ModifyRuleOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { actionsFor, answerOf, startChecks } from './answers.js';
import type { BalancerState } from './balancer-state.js';
import {
  type Condition,
  defaultRuleArn,
  type Listener,
  listeners,
  newArn,
  type Rule,
  rules,
} from './documents.js';
import { findListener } from './listeners.js';
import { inRange, invalid, paginate, required, toRecord } from './request.js';

/** Returns the actions on rules. */
export function ruleActions(state: BalancerState) {
  const put = async (region: Region, it: Rule) => {
    await startChecks(it.answer, region);
    await region.store.put(rules, it.arn, it);
    await state.sync(region, findListener(region, it.listener).loadBalancer);
    return { Rules: [toResponse(it)] };
  };

  const create: Action<CreateRuleInput, CreateRuleOutput> = async (input, region) => {
    const parent = findListener(region, input.ListenerArn);
    const priority = inRange(required(input.Priority, 'priority'), 'Priority', 1, 50000);
    const taken = region.store
      .all(rules)
      .some((one) => one.listener === parent.arn && one.priority === priority);
    if (taken) throw new AwsError('PriorityInUse', `Priority '${priority}' is currently in use`);
    return put(region, {
      arn: newArn(region, rules, parent.arn.replace(':listener/', ':listener-rule/')),
      listener: parent.arn,
      priority,
      conditions: conditionsOf(input.Conditions),
      answer: answerOf(input.Actions, parent.loadBalancer, region),
      tags: toRecord(input.Tags),
    });
  };

  const describe: Action<DescribeRulesInput, DescribeRulesOutput> = async (input, region) => {
    const { items, ...next } = paginate(selected(input, region), input);
    return {
      Rules: items.map((one) => ('priority' in one ? toResponse(one) : defaultRuleResponse(one.parent))),
      ...next,
    };
  };

  const modify: Action<ModifyRuleInput, ModifyRuleOutput> = async (input, region) => {
    const before = findCustomRule(region, input.RuleArn);
    const { loadBalancer } = findListener(region, before.listener);
    const conditions = input.Conditions === undefined ? before.conditions : conditionsOf(input.Conditions);
    const answer =
      input.Actions === undefined ? before.answer : answerOf(input.Actions, loadBalancer, region);
    return put(region, { ...before, conditions, answer });
  };

  const remove: Action<DeleteRuleInput, DeleteRuleOutput> = async (input, region) => {
    const { arn, listener: parent } = findCustomRule(region, input.RuleArn);
    await region.store.remove(rules, arn);
    await state.sync(region, findListener(region, parent).loadBalancer);
    return {};
  };

  return { CreateRule: create, DescribeRules: describe, ModifyRule: modify, DeleteRule: remove };
}

interface DefaultRule {
  readonly arn: string;
  readonly parent: Listener;
}

function defaultRule(parent: Listener): DefaultRule {
  return { arn: defaultRuleArn(parent), parent };
}

/** @throws AwsError `RuleNotFound`, or `OperationNotPermitted` for a default rule */
function findCustomRule({ store }: Region, ruleArn: string | undefined): Rule {
  const arn = required(ruleArn, 'ruleArn');
  const found = store.get(rules, arn);
  if (found !== undefined) return found;
  if (store.all(listeners).some((one) => defaultRuleArn(one) === arn))
    throw new AwsError('OperationNotPermitted', `Default rule '${arn}' cannot be modified or deleted`);
  throw notFound();
}

function selected(input: DescribeRulesInput, region: Region): readonly (Rule | DefaultRule)[] {
  const { store } = region;
  const wanted = input.RuleArns ?? [];
  if (wanted.length === 0) {
    const parent = findListener(region, input.ListenerArn);
    const own = store.all(rules).filter((one) => one.listener === parent.arn);
    return [...own.sort((a, b) => a.priority - b.priority), defaultRule(parent)];
  }
  const all = [...store.all(rules), ...store.all(listeners).map(defaultRule)];
  return wanted.map((arn) => {
    const found = all.find((one) => one.arn === arn);
    if (found === undefined) throw notFound();
    return found;
  });
}

function notFound(): AwsError {
  return new AwsError('RuleNotFound', 'One or more rules not found');
}

function conditionsOf(conditions: readonly ConditionDescription[] | undefined): Condition[] {
  const all = required(conditions, 'conditions').map(conditionOf);
  if (all.length === 0) throw invalid('A condition must be specified');
  return all;
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html */
function conditionOf(it: ConditionDescription): Condition {
  const field = it.Field;
  if (field !== 'path-pattern' && field !== 'host-header')
    throw invalid(`The sandbox does not support conditions on '${field}'`);
  const config = field === 'path-pattern' ? it.PathPatternConfig : it.HostHeaderConfig;
  const values = config?.Values ?? it.Values ?? [];
  if (values.length === 0) throw invalid('A condition value must be specified');
  const allowed = field === 'path-pattern' ? /^[\w.$/~"'@:+&()*?-]{1,128}$/ : /^[\w.*?-]{1,128}$/;
  const wrong = values.find((value) => !allowed.test(value));
  if (wrong !== undefined) throw invalid(`Condition value '${wrong}' contains a character that is not valid`);
  return { field, values: [...values] };
}

function toResponse(it: Rule): Description {
  return {
    RuleArn: it.arn,
    Priority: String(it.priority),
    Conditions: it.conditions.map(conditionResponse),
    Actions: actionsFor(it.answer),
    IsDefault: false,
  };
}

function defaultRuleResponse(parent: Listener): Description {
  return {
    RuleArn: defaultRuleArn(parent),
    Priority: 'default',
    Conditions: [],
    Actions: actionsFor(parent.answer),
    IsDefault: true,
  };
}

function conditionResponse({ field, values }: Condition): ConditionDescription {
  const config = { Values: values };
  return {
    Field: field,
    Values: values,
    ...(field === 'path-pattern' ? { PathPatternConfig: config } : { HostHeaderConfig: config }),
  };
}
