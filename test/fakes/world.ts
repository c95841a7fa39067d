import { z } from 'zod';
import { Failure, type FailureKind } from '../../src/domain/failure.js';
import { onHost } from '../../src/domain/plain-command.js';
import { type AnyTask, defineTask, type TaskContext } from '../../src/domain/task.js';
import type { Registry } from '../../src/run/ports.js';

/** The values of all resources, by name. */
export type FakeFacts = Readonly<Record<string, number>>;

/** When a step fails, and with which kind of failure. */
export interface Fault {
  readonly when: 'before' | 'after' | 'undo';
  readonly kind: FailureKind;
}

/** The start or the end of an effect. */
export interface Action {
  readonly what: 'apply' | 'undo';
  readonly edge: 'begin' | 'end';
  readonly step: string;
}

/**
 * Named resources with values. `pause` is awaited around every effect, so that a test can run other work first, or end the
 * process by never resolving.
 */
export class FakeWorld {
  readonly #values = new Map<string, number>();
  readonly actions: Action[] = [];
  /** Steps whose `apply` failed, in order. */
  readonly failed: string[] = [];
  faults: ReadonlyMap<string, Fault> = new Map();
  pause: () => Promise<void> = async () => {};

  constructor(facts: FakeFacts = {}) {
    for (const [name, value] of Object.entries(facts)) this.#values.set(name, value);
  }

  facts(): FakeFacts {
    return Object.fromEntries([...this.#values].sort());
  }

  read(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** Zero removes the resource. */
  write(name: string, value: number): void {
    if (value === 0) this.#values.delete(name);
    else this.#values.set(name, value);
  }

  /** Performs the effect of a step, with its faults and pauses. */
  async act(what: Action['what'], step: string, effect: () => void): Promise<void> {
    const fault = this.faults.get(step);
    const fail = (when: Fault['when']) => {
      if (fault?.when !== when) return;
      if (what === 'apply') this.failed.push(step);
      throw new Failure(fault.kind, `fake.${when}`, `${step} failed`);
    };
    this.actions.push({ what, edge: 'begin', step });
    try {
      await this.pause();
      fail(what === 'undo' ? 'undo' : 'before');
      effect();
      await this.pause();
      if (what === 'apply') fail('after');
    } finally {
      this.actions.push({ what, edge: 'end', step });
    }
  }
}

const Input = z.object({ name: z.string(), value: z.number() });
const Intent = Input.extend({ before: z.number() });
const Receipt = z.object({ value: z.number() });
type Intent = z.infer<typeof Intent>;

async function apply({ ports: world, subject }: TaskContext<FakeWorld>, intent: Intent) {
  await world.act('apply', subject.step, () => world.write(intent.name, intent.value));
  return { value: intent.value };
}

async function undo({ ports: world, subject }: TaskContext<FakeWorld>, intent: Intent) {
  await world.act('undo', subject.step, () => {
    if (world.read(intent.name) === intent.value) world.write(intent.name, intent.before);
  });
}

type FakeTask = AnyTask<FakeFacts, FakeWorld>;
type Typed = Parameters<
  typeof defineTask<FakeFacts, FakeWorld, z.infer<typeof Input>, Intent, { value: number }>
>[0];

function setting(name: string, special: Partial<Typed> = {}): FakeTask {
  return defineTask<FakeFacts, FakeWorld, z.infer<typeof Input>, Intent, { value: number }>({
    name,
    version: 1,
    scope: 'host',
    needs: ['hosts'],
    summary: 'Set a resource',
    input: Input,
    intent: Intent,
    receipt: Receipt,
    title: (input) => `${input.name} to ${input.value}`,
    check: (facts, { name, value }, subject) => {
      const before = facts[name] ?? 0;
      if (before === value) return { kind: 'done', because: `${name} is ${value}`, receipt: { value } };
      const host = subject.host === undefined ? {} : { host: subject.host };
      return {
        kind: 'todo',
        changes: [{ ...host, text: `${name}: ${before} -> ${value}` }],
        intent: { name, value, before },
        predict: (facts) => ({ ...facts, [name]: value }),
        expect: { value },
      };
    },
    explain: ({ name, value }, { host = 'here' }) => [
      onHost(host, `${name} to ${value}`, `set ${name} ${value}`),
    ],
    apply,
    undo,
    ...special,
  });
}

const tasks: readonly FakeTask[] = [
  setting('thing.set'),
  /** Has no predictable receipt. */
  setting('thing.surprise', {
    check: (facts, { name, value }) =>
      (facts[name] ?? 0) === value
        ? { kind: 'done', because: `${name} is ${value}`, receipt: { value } }
        : {
            kind: 'todo',
            changes: [{ text: `${name} to a surprise` }],
            intent: { name, value, before: facts[name] ?? 0 },
            predict: (facts) => ({ ...facts, [name]: value }),
          },
  }),
  setting('thing.keep', { undo: { never: 'a sent message cannot be undone' } }),
  /** Stops when its signal aborts, as a fetch does. */
  setting('thing.listen', {
    apply: async ({ ports: world, subject, signal, warn }, { name, value }) => {
      await world.act('apply', subject.step, () => {
        if (!signal.aborted) return world.write(name, value);
        warn('told to give up');
        throw new DOMException('given up', 'AbortError');
      });
      return { value };
    },
  }),
  /** Cannot be undone, but its box is removed. With the value 2, later failures stop the run. */
  setting('thing.migrate', {
    apply: async ({ ports: world, subject }, { name, value }) => {
      await world.act('apply', subject.step, () => {
        world.write(name, value);
        world.write(`${name}-box`, value);
      });
      return { value };
    },
    undo: {
      never: 'migrations stay',
      tidy: ({ ports: world, subject }, { name }) =>
        world.act('undo', subject.step, () => world.write(`${name}-box`, 0)),
    },
    onLaterFailure: ({ value }) => (value === 2 ? 'stop' : undefined),
  }),
  setting('thing.commit', { commits: true }),
  setting('thing.refuse', {
    check: (_facts, { name }, subject) => ({
      kind: 'blocked',
      problems: [1, 2].map(
        (n) => new Failure('access', `fake.refused.${n}`, `${subject.step} may not touch ${name} (${n})`),
      ),
    }),
  }),
];

/** The tasks for a {@link FakeWorld}. */
export const fakeRegistry: Registry<FakeFacts, FakeWorld> = new Map(tasks.map((task) => [task.name, task]));
