import type {
  AddTagsInput,
  AddTagsOutput,
  DescribeTagsInput,
  DescribeTagsOutput,
  RemoveTagsInput,
  RemoveTagsOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Region } from '../action.js';
import type { Kind } from '../store.js';
import { listeners, loadBalancers, rules, targetGroups } from './documents.js';
import { invalid, required, toPairs, toRecord } from './request.js';

type Tags = Readonly<Record<string, string>>;

/** The actions on tags of any resource. */
export const tagActions = { AddTags: add, RemoveTags: remove, DescribeTags: describe };

async function add(input: AddTagsInput, region: Region): Promise<AddTagsOutput> {
  const added = toRecord(required(input.Tags, 'tags'));
  for (const one of findAllTagged(input.ResourceArns, region)) await one.put({ ...one.tags, ...added });
  return {};
}

async function remove(input: RemoveTagsInput, region: Region): Promise<RemoveTagsOutput> {
  const keys = required(input.TagKeys, 'tagKeys');
  for (const one of findAllTagged(input.ResourceArns, region)) {
    await one.put(Object.fromEntries(Object.entries(one.tags).filter(([key]) => !keys.includes(key))));
  }
  return {};
}

async function describe(input: DescribeTagsInput, region: Region): Promise<DescribeTagsOutput> {
  const found = findAllTagged(input.ResourceArns, region);
  return { TagDescriptions: found.map(({ arn, tags }) => ({ ResourceArn: arn, Tags: toPairs(tags) })) };
}

interface Tagged {
  readonly arn: string;
  readonly tags: Tags;
  put(tags: Tags): Promise<void>;
}

/** @throws AwsError if there are more than 20 ARNs, or one is not found */
function findAllTagged(arns: readonly string[] | undefined, region: Region): readonly Tagged[] {
  const wanted = required(arns, 'resourceArns');
  if (wanted.length > 20) throw invalid('The maximum number of resources that can be described is 20');
  return wanted.map((arn) => findTagged(arn, region));
}

function findTagged(arn: string, region: Region): Tagged {
  const found = [
    findIn(loadBalancers, arn, region),
    findIn(targetGroups, arn, region),
    findIn(listeners, arn, region),
    findIn(rules, arn, region),
  ].find((one) => one !== undefined);
  if (found !== undefined) return found;
  throw new AwsError(notFoundCode(arn), `'${arn}' not found`);
}

function findIn<T extends { readonly arn: string; readonly tags: Tags }>(
  kind: Kind<T>,
  arn: string,
  { store }: Region,
): Tagged | undefined {
  const document = store.get(kind, arn);
  if (document === undefined) return undefined;
  return { arn, tags: document.tags, put: (tags) => store.put(kind, arn, { ...document, tags }) };
}

function notFoundCode(arn: string): string {
  if (arn.includes(':targetgroup/')) return 'TargetGroupNotFound';
  if (arn.includes(':listener/')) return 'ListenerNotFound';
  return arn.includes(':listener-rule/') ? 'RuleNotFound' : 'LoadBalancerNotFound';
}
