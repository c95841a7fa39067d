import type { Action, RuleCondition as Described, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { given } from '../../domain/given.js';
import type { ListenerRule, RuleCondition } from '../../domain/target-group.js';

/** Returns the ARNs of the groups that a rule forwards to, including those with a weight of 0. */
export function forwardedTo({ Actions = [] }: Rule): readonly string[] {
  return Actions.flatMap((action) => weightsOf(action).map(([arn]) => arn));
}

/** Returns a listener's rules as seen from a group; undefined if all requests are forwarded to the group. */
export function rulesFor(rules: readonly Rule[], group: string): readonly ListenerRule[] | undefined {
  const found = rules.map((rule) => ({
    conditions: (rule.Conditions ?? []).map(conditionOf),
    action: actionOf(rule, group),
  }));
  return found.every(({ action }) => action === 'forward') ? undefined : found;
}

function actionOf({ Actions = [] }: Rule, group: string): ListenerRule['action'] {
  const weights = Actions.flatMap(weightsOf).filter(([, weight]) => weight > 0);
  if (!weights.some(([arn]) => arn === group)) return 'other';
  if (!Actions.every(letsPass)) return 'login';
  return weights.every(([arn]) => arn === group) ? 'forward' : 'split';
}

/** Whether an action answers no request itself, so that the forward after it is reached. */
function letsPass({ Type, AuthenticateOidcConfig, AuthenticateCognitoConfig }: Action): boolean {
  const config = AuthenticateOidcConfig ?? AuthenticateCognitoConfig;
  return Type === 'forward' || config?.OnUnauthenticatedRequest === 'allow';
}

/** Returns the groups of a forward action with their weights. A single group gets everything, whatever its weight. */
function weightsOf({ Type, TargetGroupArn, ForwardConfig }: Action): readonly (readonly [string, number])[] {
  if (Type !== 'forward') return [];
  const tuples = ForwardConfig?.TargetGroups ?? [];
  if (tuples.length <= 1) {
    const arn = TargetGroupArn ?? tuples[0]?.TargetGroupArn;
    return arn === undefined ? [] : [[arn, 1]];
  }
  return tuples.flatMap(({ TargetGroupArn: arn, Weight = 1 }) => (arn === undefined ? [] : [[arn, Weight]]));
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html */
function conditionOf(it: Described): RuleCondition {
  const configs = [it.HostHeaderConfig, it.PathPatternConfig, it.HttpHeaderConfig];
  if ([...configs, it].some((config) => (config?.RegexValues ?? []).length > 0))
    return { kind: 'other', text: 'a regular expression' };
  const values = it.Values ?? [];
  switch (it.Field ?? '') {
    case 'host-header':
      return { kind: 'host', values: it.HostHeaderConfig?.Values ?? values };
    case 'path-pattern':
      return { kind: 'path', values: it.PathPatternConfig?.Values ?? values };
    case 'http-request-method':
      return { kind: 'method', values: it.HttpRequestMethodConfig?.Values ?? values };
    case 'http-header': {
      const { HttpHeaderName: name = '', Values = values } = it.HttpHeaderConfig ?? {};
      return { kind: 'header', name, values: Values };
    }
    case 'query-string':
      return {
        kind: 'query',
        pairs: (it.QueryStringConfig?.Values ?? []).map(({ Key, Value = '' }) => ({
          ...given({ key: Key }),
          value: Value,
        })),
      };
    case 'source-ip':
      return { kind: 'other', text: "the sender's address" };
    default:
      return { kind: 'other', text: `a condition on ${it.Field ?? 'something unknown'}` };
  }
}
