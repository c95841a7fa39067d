import { z } from 'zod';
import { groupOf, quarantineOf, quarantineTag, withGroup, withTag } from '../domain/balancing.js';
import type { Facts } from '../domain/facts.js';
import type { Subject } from '../domain/task.js';
import { serviceOf, task } from './task.js';

const Intent = z.strictObject({
  id: z.string(),
  /** The tag, what it is to say, and what it said before. */
  tag: z.string(),
  value: z.string().optional(),
  before: z.string().optional(),
});

/** Marks an instance, so that nothing but `lb activate` puts it back behind its load balancer. */
export const instanceQuarantine = task({
  name: 'instance.quarantine',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Marks the instance by a tag: until it is readmitted no deploy puts it behind its load balancer.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `keep ${serviceOf(subject).name} out of its load balancer`,
  check(facts, _, subject) {
    const { id, host, tag, before } = markOf(facts, subject);
    if (before !== undefined) return { kind: 'done', because: `it is kept out: ${before}`, receipt: {} };
    const { who, started } = subject.run;
    const value = `${who} at ${started}`.slice(0, longestValue);
    return {
      kind: 'todo',
      changes: [{ host, text: `tag ${id}: ${tag}` }],
      intent: { id, tag, value },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, withTag(id, tag, value)),
    };
  },
  explain: ({ id, tag, value = '' }) => [
    { why: 'so that no deploy brings it back', call: { kind: 'tag', instance: id, key: tag, value } },
  ],
  async apply({ ports }, { id, tag, value = '' }) {
    await ports.cloud().tag([id], { [tag]: value });
    return {};
  },
  async undo({ ports }, { id, tag }) {
    await ports.cloud().untag([id], [tag]);
  },
});

/** Takes the mark away. */
export const instanceReadmit = task({
  name: 'instance.readmit',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Takes away the mark that keeps the instance out of its load balancer.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `let ${serviceOf(subject).name} behind its load balancer again`,
  check(facts, _, subject) {
    const { id, host, tag, before } = markOf(facts, subject);
    if (before === undefined) return { kind: 'done', because: 'nobody keeps it out', receipt: {} };
    return {
      kind: 'todo',
      changes: [{ host, text: `take the tag ${tag} from ${id} (${before})` }],
      intent: { id, tag, before },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, withTag(id, tag, undefined)),
    };
  },
  explain: ({ id, tag }) => [
    { why: 'it is not kept out any more', call: { kind: 'untag', instance: id, key: tag } },
  ],
  async apply({ ports }, { id, tag }) {
    await ports.cloud().untag([id], [tag]);
    return {};
  },
  async undo({ ports }, { id, tag, before = '' }) {
    await ports.cloud().tag([id], { [tag]: before });
  },
});

/** The longest value of a tag. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html */
const longestValue = 256;

function markOf(facts: Facts, subject: Subject) {
  const { instance } = subject;
  if (instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  const { group, instances } = groupOf(facts, serviceOf(subject));
  const before = quarantineOf(group, instances[instance.id]);
  return { ...instance, tag: quarantineTag(group), before };
}
