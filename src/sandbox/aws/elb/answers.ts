import type { Action as Description } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Region } from '../action.js';
import { type Answer, targetGroups } from './documents.js';
import { invalid, required } from './request.js';
import { balancerUsing, findTargetGroup } from './target-groups.js';

/**
 * Converts the actions of a listener or rule: exactly one, which forwards to a group or returns a fixed response.
 * @throws AwsError `TargetGroupNotFound`, `TargetGroupAssociationLimit`, `ValidationError`
 */
export function answerOf(
  actions: readonly Description[] | undefined,
  loadBalancer: string,
  region: Region,
): Answer {
  const [action, ...more] = required(actions, 'actions');
  if (action === undefined || more.length > 0)
    throw invalid('The sandbox supports exactly one action: forward or fixed-response');
  if (action.Type === 'forward') return forwardAnswer(targetGroupArn(action), loadBalancer, region);
  if (action.Type === 'fixed-response') return fixedAnswer(action);
  throw invalid(`The sandbox does not support actions of type '${action.Type}'`);
}

/** Converts an answer back to AWS actions. */
export function actionsFor(answer: Answer): Description[] {
  if (answer.type === 'forward') {
    const TargetGroups = [{ TargetGroupArn: answer.targetGroup, Weight: 1 }];
    const ForwardConfig = { TargetGroups, TargetGroupStickinessConfig: { Enabled: false } };
    return [{ Type: 'forward', TargetGroupArn: answer.targetGroup, Order: 1, ForwardConfig }];
  }
  const { status, contentType, body } = answer;
  return [
    {
      Type: 'fixed-response',
      Order: 1,
      FixedResponseConfig: { StatusCode: String(status), ContentType: contentType, MessageBody: body },
    },
  ];
}

/** Restarts the health checks of an unused group; call before something forwards to it. */
export async function startChecks(answer: Answer, region: Region): Promise<void> {
  if (answer.type !== 'forward') return;
  const group = findTargetGroup(region, answer.targetGroup);
  if (group.targets.length === 0 || balancerUsing(region, group) !== undefined) return;
  const registeredAt = region.context.clock.now().getTime();
  const targets = group.targets.map((target) => ({ ...target, registeredAt }));
  await region.store.put(targetGroups, group.arn, { ...group, targets });
}

function targetGroupArn({ TargetGroupArn, ForwardConfig }: Description): string {
  const [tuple, ...more] = ForwardConfig?.TargetGroups ?? [];
  if (more.length > 0) throw invalid('The sandbox supports only one target group per action');
  return required(TargetGroupArn ?? tuple?.TargetGroupArn, 'targetGroupArn');
}

function forwardAnswer(group: string, loadBalancer: string, region: Region): Answer {
  const owner = balancerUsing(region, findTargetGroup(region, group));
  if (owner !== undefined && owner !== loadBalancer) {
    throw new AwsError(
      'TargetGroupAssociationLimit',
      `The following target groups cannot be associated with more than one load balancer: ${group}`,
    );
  }
  return { type: 'forward', targetGroup: group };
}

function fixedAnswer({ FixedResponseConfig }: Description): Answer {
  const { StatusCode, ContentType, MessageBody } = required(FixedResponseConfig, 'fixedResponseConfig');
  const status = required(StatusCode, 'statusCode');
  if (!/^[245]\d\d$/.test(status)) throw invalid(`The status code '${status}' is not 2XX, 4XX or 5XX`);
  return {
    type: 'fixed-response',
    status: Number(status),
    contentType: ContentType ?? 'text/plain',
    body: MessageBody ?? '',
  };
}
