import type { Action as Described } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Region } from '../action.js';
import { type Answer, targetGroups } from './documents.js';
import { invalid, required } from './request.js';
import { targetGroup, userOf } from './target-groups.js';

/**
 * What the actions of a listener or a rule say, which belong to this load balancer: forward to one group, or a fixed answer.
 * @throws AwsError `TargetGroupNotFound`, `TargetGroupAssociationLimit`, `ValidationError`
 */
export function answerOf(
  actions: readonly Described[] | undefined,
  loadBalancer: string,
  region: Region,
): Answer {
  const [action, ...more] = required(actions, 'actions');
  if (action === undefined || more.length > 0)
    throw invalid('The sandbox takes exactly one action, which forwards or is a fixed response');
  if (action.Type === 'forward') return forwarding(groupNamed(action), loadBalancer, region);
  if (action.Type === 'fixed-response') return fixed(action);
  throw invalid(`The sandbox has no actions of type '${action.Type}'`);
}

/** The answer as descriptions list it. */
export function describedAnswer(answer: Answer): Described[] {
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

/** The checks of a group's targets begin when something forwards to it: to be called before that is so. */
export async function beginChecks(answer: Answer, region: Region): Promise<void> {
  if (answer.type !== 'forward') return;
  const group = targetGroup(region, answer.targetGroup);
  if (group.targets.length === 0 || userOf(region, group) !== undefined) return;
  const registeredAt = region.context.clock.now().getTime();
  const targets = group.targets.map((target) => ({ ...target, registeredAt }));
  await region.store.put(targetGroups, group.arn, { ...group, targets });
}

function groupNamed({ TargetGroupArn, ForwardConfig }: Described): string {
  const [tuple, ...more] = ForwardConfig?.TargetGroups ?? [];
  if (more.length > 0) throw invalid('The sandbox forwards to one target group, not to several');
  return required(TargetGroupArn ?? tuple?.TargetGroupArn, 'targetGroupArn');
}

function forwarding(group: string, loadBalancer: string, region: Region): Answer {
  const user = userOf(region, targetGroup(region, group));
  if (user !== undefined && user !== loadBalancer) {
    throw new AwsError(
      'TargetGroupAssociationLimit',
      `The following target groups cannot be associated with more than one load balancer: ${group}`,
    );
  }
  return { type: 'forward', targetGroup: group };
}

function fixed({ FixedResponseConfig }: Described): Answer {
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
