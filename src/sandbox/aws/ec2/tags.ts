import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  ResourceType,
  Tag,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, type Region } from '../action.js';
import { tagged } from './documents.js';
import { filtered, page, type Tags } from './query.js';
import { mustExist, typeOf } from './resources.js';

/** What a resource is tagged with. */
export function tagsOf(region: Region, id: string): Tags {
  return region.store.get(tagged, id)?.tags ?? [];
}

const most = 50;
const tooMany = new AwsError('TagLimitExceeded', `A resource has at most ${most} tags`);

/** Tags a resource; tags with the same keys are replaced. Seen at once, like a put of the store. */
export async function addTags(region: Region, id: string, tags: Tags): Promise<void> {
  if (tags.length === 0) return;
  const added = new Map([...tagsOf(region, id), ...tags].map((tag) => [tag.Key, tag]));
  if (added.size > most) throw tooMany;
  await region.store.put(tagged, id, { id, tags: [...added.values()] });
}

/** Forgets the tags of a resource that is gone. */
export function removeTags(region: Region, id: string): Promise<void> {
  return region.store.remove(tagged, id);
}

/**
 * What a request says of tags for what it creates.
 * @throws AwsError for tags of a type that it does not create, or that are none
 */
export function tagsFor(
  specifications: readonly TagSpecification[] | undefined,
  type: ResourceType,
  others: readonly ResourceType[] = [],
): Tags {
  for (const { ResourceType: named } of specifications ?? []) {
    if (named !== type && !(named !== undefined && others.includes(named)))
      throw new AwsError(
        'InvalidParameterValue',
        `'${named}' is not a valid taggable resource type for this operation.`,
      );
  }
  const own = (specifications ?? []).filter((one) => one.ResourceType === type);
  return checked(own.flatMap(({ Tags: tags }) => tags ?? []));
}

function checked(tags: readonly Tag[]): Tags {
  if (tags.length > most) throw tooMany;
  const found = new Map<string, string>();
  for (const { Key = '', Value = '' } of tags) {
    if (Key === '' || Key.length > 128 || Value.length > 256)
      throw new AwsError('InvalidParameterValue', 'Tag keys have 1 to 128 signs, values at most 256');
    if (/^aws:/i.test(Key))
      throw new AwsError(
        'InvalidParameterValue',
        'Tag keys starting with aws: are reserved for internal use',
      );
    if (found.has(Key)) throw new AwsError('InvalidParameterValue', `Duplicate tag key '${Key}' specified.`);
    found.set(Key, Value);
  }
  return [...found].map(([Key, Value]) => ({ Key, Value }));
}

export const createTags: Action<CreateTagsRequest, object> = async ({ Resources, Tags: tags }, region) => {
  const wanted = checked(tags ?? []);
  for (const id of Resources ?? []) mustExist(region, id);
  await Promise.all((Resources ?? []).map((id) => addTags(region, id, wanted)));
  return {};
};

/** A tag named with a value goes only when it has that value; without any tags all of them go. */
export const deleteTags: Action<DeleteTagsRequest, object> = async ({ Resources, Tags: tags }, region) => {
  const meant = ({ Key, Value }: Tags[number]) =>
    tags === undefined ||
    tags.some((tag) => tag.Key === Key && (tag.Value === undefined || tag.Value === Value));
  for (const id of Resources ?? []) mustExist(region, id);
  await Promise.all(
    (Resources ?? []).map((id) => {
      const left = tagsOf(region, id).filter((tag) => !meant(tag));
      return region.store.put(tagged, id, { id, tags: left });
    }),
  );
  return {};
};

export const describeTags: Action<DescribeTagsRequest, DescribeTagsResult> = async (input, region) => {
  const all = region.store
    .all(tagged)
    .flatMap(({ id, tags }) => tags.map((tag) => ({ ResourceId: id, ResourceType: typeOf(id), ...tag })));
  const matching = filtered(
    all,
    input.Filters,
    {
      key: (it) => [it.Key],
      value: (it) => [it.Value],
      'resource-id': (it) => [it.ResourceId],
      'resource-type': (it) => [it.ResourceType],
    },
    (it) => [it],
  );
  const idOf = (it: (typeof all)[number]) => `${it.ResourceId}-${Buffer.from(it.Key).toString('hex')}`;
  const { shown, ...next } = page(matching, idOf, input);
  return { Tags: [...shown], ...next };
};
