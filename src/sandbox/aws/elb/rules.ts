import type {
  CreateRuleInput,
  CreateRuleOutput,
  DeleteRuleInput,
  DeleteRuleOutput,
  Rule as Described,
  RuleCondition as DescribedCondition,
  DescribeRulesInput,
  DescribeRulesOutput,
  ModifyRuleInput,
  ModifyRuleOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { answerOf, beginChecks, describedAnswer } from './answers.js';
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
import { listener } from './listeners.js';
import { invalid, page, pairs, required, within } from './request.js';

/** The actions on the rules of listeners, whose last is the default one. */
export function ruleActions(world: BalancerState) {
  const put = async (region: Region, it: Rule) => {
    await beginChecks(it.answer, region);
    await region.store.put(rules, it.arn, it);
    await world.enforce(region, listener(region, it.listener).loadBalancer);
    return { Rules: [described(it)] };
  };

  const create: Action<CreateRuleInput, CreateRuleOutput> = async (input, region) => {
    const of = listener(region, input.ListenerArn);
    const priority = within(required(input.Priority, 'priority'), 'Priority', 1, 50000);
    const taken = region.store.all(rules).some((one) => one.listener === of.arn && one.priority === priority);
    if (taken) throw new AwsError('PriorityInUse', `Priority '${priority}' is currently in use`);
    return put(region, {
      arn: newArn(region, rules, of.arn.replace(':listener/', ':listener-rule/')),
      listener: of.arn,
      priority,
      conditions: conditionsOf(input.Conditions),
      answer: answerOf(input.Actions, of.loadBalancer, region),
      tags: pairs(input.Tags),
    });
  };

  const describe: Action<DescribeRulesInput, DescribeRulesOutput> = async (input, region) => {
    const { items, ...next } = page(chosen(input, region), input);
    return {
      Rules: items.map((one) => ('priority' in one ? described(one) : describedDefault(one.of))),
      ...next,
    };
  };

  const modify: Action<ModifyRuleInput, ModifyRuleOutput> = async (input, region) => {
    const before = changeable(region, input.RuleArn);
    const { loadBalancer } = listener(region, before.listener);
    const conditions = input.Conditions === undefined ? before.conditions : conditionsOf(input.Conditions);
    const answer =
      input.Actions === undefined ? before.answer : answerOf(input.Actions, loadBalancer, region);
    return put(region, { ...before, conditions, answer });
  };

  const remove: Action<DeleteRuleInput, DeleteRuleOutput> = async (input, region) => {
    const { arn, listener: of } = changeable(region, input.RuleArn);
    await region.store.remove(rules, arn);
    await world.enforce(region, listener(region, of).loadBalancer);
    return {};
  };

  return { CreateRule: create, DescribeRules: describe, ModifyRule: modify, DeleteRule: remove };
}

/** A listener's default rule, which is described like others. */
interface DefaultRule {
  readonly arn: string;
  readonly of: Listener;
}

function defaultRule(of: Listener): DefaultRule {
  return { arn: defaultRuleArn(of), of };
}

/** @throws AwsError `RuleNotFound`, and `OperationNotPermitted` for a default rule */
function changeable({ store }: Region, ruleArn: string | undefined): Rule {
  const arn = required(ruleArn, 'ruleArn');
  const found = store.get(rules, arn);
  if (found !== undefined) return found;
  if (store.all(listeners).some((one) => defaultRuleArn(one) === arn))
    throw new AwsError('OperationNotPermitted', `Default rule '${arn}' cannot be modified or deleted`);
  throw notFound();
}

function chosen(input: DescribeRulesInput, region: Region): readonly (Rule | DefaultRule)[] {
  const { store } = region;
  const wanted = input.RuleArns ?? [];
  if (wanted.length === 0) {
    const of = listener(region, input.ListenerArn);
    const own = store.all(rules).filter((one) => one.listener === of.arn);
    return [...own.sort((a, b) => a.priority - b.priority), defaultRule(of)];
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

function conditionsOf(conditions: readonly DescribedCondition[] | undefined): Condition[] {
  const all = required(conditions, 'conditions').map(conditionOf);
  if (all.length === 0) throw invalid('A condition must be specified');
  return all;
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html */
function conditionOf(it: DescribedCondition): Condition {
  const field = it.Field;
  if (field !== 'path-pattern' && field !== 'host-header')
    throw invalid(`The sandbox has no conditions on '${field}'`);
  const config = field === 'path-pattern' ? it.PathPatternConfig : it.HostHeaderConfig;
  const values = config?.Values ?? it.Values ?? [];
  if (values.length === 0) throw invalid('A condition value must be specified');
  const allowed = field === 'path-pattern' ? /^[\w.$/~"'@:+&()*?-]{1,128}$/ : /^[\w.*?-]{1,128}$/;
  const wrong = values.find((value) => !allowed.test(value));
  if (wrong !== undefined) throw invalid(`Condition value '${wrong}' contains a character that is not valid`);
  return { field, values: [...values] };
}

function described(it: Rule): Described {
  return {
    RuleArn: it.arn,
    Priority: String(it.priority),
    Conditions: it.conditions.map(describedCondition),
    Actions: describedAnswer(it.answer),
    IsDefault: false,
  };
}

function describedDefault(of: Listener): Described {
  return {
    RuleArn: defaultRuleArn(of),
    Priority: 'default',
    Conditions: [],
    Actions: describedAnswer(of.answer),
    IsDefault: true,
  };
}

function describedCondition({ field, values }: Condition): DescribedCondition {
  const config = { Values: values };
  return {
    Field: field,
    Values: values,
    ...(field === 'path-pattern' ? { PathPatternConfig: config } : { HostHeaderConfig: config }),
  };
}
