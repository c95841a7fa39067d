import { z } from 'zod';
import { groupOf, quarantineOf, quarantineTag, withGroup, withTag } from '../domain/balancing.js';
import { timeOfDay } from '../domain/clock.js';
import type { Facts } from '../domain/facts.js';
import type { Subject } from '../domain/task.js';
import { serviceOf, task } from './task.js';

const Intent = z.strictObject({
  id: z.string(),
  /** The key of the tag, its new value, and its value before. */
  tag: z.string(),
  value: z.string().optional(),
  before: z.string().optional(),
});

/** Tags an instance so that only `lb activate` registers it again. */
export const instanceQuarantine = task({
  name: 'instance.quarantine',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Tags the instance, so that deploys do not register it with the load balancer.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `quarantine ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const { id, host, tag, before } = quarantineTarget(facts, subject);
    if (before !== undefined)
      return { kind: 'done', because: `already quarantined by ${before}`, receipt: {} };
    const { who, started } = subject.run;
    const value = `${who} at ${started}`.slice(0, maxTagLength);
    return {
      kind: 'todo',
      changes: [{ host, text: `add tag ${tag} to ${id}` }],
      intent: { id, tag, value },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, withTag(id, tag, value)),
    };
  },
  explain: ({ id, tag, value = '' }) => [
    { why: 'prevent deploys from registering it', call: { kind: 'tag', instance: id, key: tag, value } },
  ],
  async apply({ ports }, { id, tag, value = '' }) {
    await ports.cloud().tag([id], { [tag]: value });
    return {};
  },
  async undo({ ports }, { id, tag }) {
    await ports.cloud().untag([id], [tag]);
  },
});

/** Removes the tag of {@link instanceQuarantine}. */
export const instanceReadmit = task({
  name: 'instance.readmit',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Removes the quarantine tag of the instance.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `remove the quarantine of ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const { id, host, tag, before } = quarantineTarget(facts, subject);
    if (before === undefined) return { kind: 'done', because: 'not quarantined', receipt: {} };
    return {
      kind: 'todo',
      changes: [{ host, text: `remove tag ${tag} from ${id} (${before})` }],
      intent: { id, tag, before },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, withTag(id, tag, undefined)),
    };
  },
  explain: ({ id, tag }) => [
    { why: 'allow deploys to register it again', call: { kind: 'untag', instance: id, key: tag } },
  ],
  async apply({ ports, clock, signal, progress }, { id, tag }) {
    const cloud = ports.cloud();
    await cloud.untag([id], [tag]);
    // DescribeInstances may still return the tag, which would prevent the registration.
    await ports.poll({
      ...{ what: `tag ${tag} to disappear from ${id}`, signal, deadline: clock.monotonic() + tagTimeout },
      probe: () => cloud.instances([id]),
      until: ([instance]) =>
        Object.hasOwn(instance?.tags ?? {}, tag)
          ? { kind: 'waiting', because: 'still listed' }
          : { kind: 'done', result: undefined },
      onWaiting: ({ what, because, until }) => progress(`${what}: ${because} (timeout ${timeOfDay(until)})`),
    });
    return {};
  },
  async undo({ ports }, { id, tag, before = '' }) {
    await ports.cloud().tag([id], { [tag]: before });
  },
});

/** EC2 is eventually consistent. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html ms */
const tagTimeout = 60_000;

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html */
const maxTagLength = 256;

function quarantineTarget(facts: Facts, subject: Subject) {
  const { instance } = subject;
  if (instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  const { group, instances } = groupOf(facts, serviceOf(subject));
  const before = quarantineOf(group, instances[instance.id]);
  return { ...instance, tag: quarantineTag(group), before };
}
