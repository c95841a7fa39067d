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
import { applyFilters, paginate, type Tags } from './query.js';
import { requireResource, resourceType } from './resources.js';

/** Returns the tags of a resource. */
export function tagsOf(region: Region, id: string): Tags {
  return region.store.get(tagged, id)?.tags ?? [];
}

const maxTags = 50;
const tooMany = new AwsError('TagLimitExceeded', `A resource can have at most ${maxTags} tags`);

/** Adds tags to a resource, replacing equal keys. Visible immediately, like a put of the store. */
export async function addTags(region: Region, id: string, tags: Tags): Promise<void> {
  if (tags.length === 0) return;
  const added = new Map([...tagsOf(region, id), ...tags].map((tag) => [tag.Key, tag]));
  if (added.size > maxTags) throw tooMany;
  await region.store.put(tagged, id, { id, tags: [...added.values()] });
}

/** Removes all tags of a resource. */
export function removeTags(region: Region, id: string): Promise<void> {
  return region.store.remove(tagged, id);
}

/**
 * Returns the tags that a request specifies for a new resource of `type`.
 * @throws AwsError if tags are invalid or of a type other than `type` and `others`
 */
export function tagsFor(
  specifications: readonly TagSpecification[] | undefined,
  type: ResourceType,
  others: readonly ResourceType[] = [],
): Tags {
  for (const { ResourceType: requested } of specifications ?? []) {
    if (requested !== type && !(requested !== undefined && others.includes(requested)))
      throw new AwsError(
        'InvalidParameterValue',
        `'${requested}' is not a valid taggable resource type for this operation.`,
      );
  }
  const own = (specifications ?? []).filter((one) => one.ResourceType === type);
  return validTags(own.flatMap(({ Tags: tags }) => tags ?? []));
}

function validTags(tags: readonly Tag[]): Tags {
  if (tags.length > maxTags) throw tooMany;
  const found = new Map<string, string>();
  for (const { Key = '', Value = '' } of tags) {
    if (Key === '' || Key.length > 128 || Value.length > 256)
      throw new AwsError(
        'InvalidParameterValue',
        'Tag keys must have 1 to 128 characters, values at most 256',
      );
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
  const wanted = validTags(tags ?? []);
  for (const id of Resources ?? []) requireResource(region, id);
  await Promise.all((Resources ?? []).map((id) => addTags(region, id, wanted)));
  return {};
};

/** Removes a tag given with a value only if the value matches; without tags removes all. */
export const deleteTags: Action<DeleteTagsRequest, object> = async ({ Resources, Tags: tags }, region) => {
  const isSelected = ({ Key, Value }: Tags[number]) =>
    tags === undefined ||
    tags.some((tag) => tag.Key === Key && (tag.Value === undefined || tag.Value === Value));
  for (const id of Resources ?? []) requireResource(region, id);
  await Promise.all(
    (Resources ?? []).map((id) => {
      const remaining = tagsOf(region, id).filter((tag) => !isSelected(tag));
      return region.store.put(tagged, id, { id, tags: remaining });
    }),
  );
  return {};
};

export const describeTags: Action<DescribeTagsRequest, DescribeTagsResult> = async (input, region) => {
  const all = region.store
    .all(tagged)
    .flatMap(({ id, tags }) =>
      tags.map((tag) => ({ ResourceId: id, ResourceType: resourceType(id), ...tag })),
    );
  const matching = applyFilters(
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
  const { items, ...next } = paginate(matching, idOf, input);
  return { Tags: [...items], ...next };
};
