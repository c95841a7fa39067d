import { fileURLToPath } from 'node:url';
import { readTargetGroups } from '../../../src/app/target-groups.js';
import { awsCommand } from '../../../src/cloud/aws/commands.js';
import { poller } from '../../../src/cloud/poll.js';
import type { Facts } from '../../../src/domain/facts.js';
import { label } from '../../../src/domain/labels.js';
import type { PlainCommand } from '../../../src/domain/plain-command.js';
import type { Service } from '../../../src/domain/service.js';
import type { RunInfo } from '../../../src/domain/task.js';
import { readFacts } from '../../../src/host/facts.js';
import { bindRecipe } from '../../../src/recipe/bind.js';
import { recipeFolder } from '../../../src/recipe/folder.js';
import { loadRecipe } from '../../../src/recipe/load.js';
import type { LoadedRecipe } from '../../../src/recipe/recipe.js';
import type { Outcome, RunEvent } from '../../../src/run/events.js';
import { explain } from '../../../src/run/explain.js';
import type { Plan } from '../../../src/run/plan.js';
import type { Journal } from '../../../src/run/ports.js';
import { type Preview, preview } from '../../../src/run/preview.js';
import { startRun } from '../../../src/run/run.js';
import { tasks } from '../../../src/tasks/registry.js';
import type { Ports } from '../../../src/tasks/task.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeCloud } from '../../fakes/cloud.js';
import { type Behaviour, type FakeEngine, FakeRegistry } from '../../fakes/engine.js';
import { FakeHost } from '../../fakes/host.js';
import { MemoryJournal } from '../../fakes/journal.js';
import { FakeLeases } from '../../fakes/leases.js';

const shipped = recipeFolder(fileURLToPath(new URL('../../../recipes', import.meta.url)), 'recipes');

/** Read once: fleets are made by the hundred. */
const loaded = new Map<string, Promise<LoadedRecipe>>();

/** A service on the hosts `host-1`, `host-2`, … that listens on `port`. */
export function serviceOn(
  name: string,
  port: number | undefined,
  parts: Partial<Service> & { count?: number } = {},
): Service {
  const { count = 3, ...rest } = parts;
  return {
    name,
    image: { kind: 'fixed', reference: `registry.test/${name}:v1`, moves: true },
    ...(port === undefined ? {} : { port: { host: port, container: 80 } }),
    health: { path: '/', interval: 100, timeout: 100, deadline: 1000, settle: 200 },
    env: {},
    secrets: [],
    volumes: [],
    restart: 'unless-stopped',
    stop: { timeout: 100 },
    swap: 'plain',
    singleton: false,
    needs: [],
    keep: 5,
    docker: {},
    instances: Array.from({ length: count }, (_, index) => ({
      id: `i-${index + 1}`,
      host: `host-${index + 1}`,
    })),
    ...rest,
  };
}

/** The service with another image, asked for by name. */
export const at = (service: Service, tag: string): Service => ({
  ...service,
  image: { kind: 'fixed', reference: `registry.test/${service.name}:${tag}`, moves: true },
});

/** The process dies: nothing is written any more. */
export class Death extends Error {}

/** Machines in memory, and one project that is deployed to them with the shipped recipes. */
export class Fleet {
  readonly clock = new MovableClock();
  readonly registry = new FakeRegistry();
  readonly cloud = new FakeCloud(this.clock);
  readonly #poll = poller({ clock: this.clock, random: () => 0.5 });
  readonly hosts: readonly FakeHost[];
  readonly secrets = new Map<string, string>();
  /** The events of the last run. */
  events: readonly RunEvent[] = [];
  /** What the last run warned of. */
  warnings: string[] = [];
  #runs = 0;

  constructor(count = 3) {
    this.hosts = Array.from(
      { length: count },
      (_, index) =>
        new FakeHost(`host-${index + 1}`, {
          clock: this.clock,
          registry: this.registry,
          answers: [() => ({ stdout: '' })],
        }),
    );
  }

  /** The load balancer of a target group, as every host reaches it: it has somebody to ask, or not. */
  balance(group: string, address: string): void {
    const answer = async (asked: string) => {
      if (asked !== address) return undefined;
      return (await this.cloud.targets(group)).some(({ state }) => state === 'healthy') ? 200 : 503;
    };
    for (const host of this.hosts) host.beyond = answer;
  }

  push(name: string, tag: string, behaviour: Behaviour = {}): string {
    return this.registry.push(`registry.test/${name}:${tag}`, behaviour);
  }

  host(name: string): FakeHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  async facts(services: readonly Service[]): Promise<Facts> {
    const names = new Set(services.flatMap(({ instances }) => instances.map(({ host }) => host)));
    const { facts, problems } = await readFacts(
      this.hosts.filter(({ name }) => names.has(name)),
      {
        project: 'shop',
        environment: 'production',
        services,
        secrets: this.secrets,
        resolves: true,
        resolved: {},
        auth: async () => undefined,
      },
    );
    const [first] = problems;
    if (first !== undefined) throw first;
    const isBalanced = services.some(({ targetGroup }) => targetGroup !== undefined);
    return isBalanced ? { ...facts, groups: await readTargetGroups(this.cloud, services) } : facts;
  }

  get world(): Ports {
    return {
      host: (name) => this.host(name),
      secrets: async (names) => new Map(names.map((name) => [name, this.secrets.get(name) ?? ''])),
      auth: async () => undefined,
      local: async () => ({ code: 0, stdout: '', stderr: '' }),
      cloud: () => this.cloud,
      poll: this.#poll,
    };
  }

  async plan(
    recipe: string,
    services: readonly Service[],
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Plan> {
    this.#runs += 1;
    const run: RunInfo = {
      id: `run-${this.#runs}`,
      recipe,
      project: 'shop',
      environment: 'production',
      who: 'ada',
      started: this.clock.now().toISOString(),
    };
    const loading = loaded.get(recipe) ?? loadRecipe(recipe, [shipped], tasks);
    loaded.set(recipe, loading);
    const { recipe: main } = await loading;
    const usual = main.params.has('batch') ? { batch: '1' } : {};
    return bindRecipe(await loading, { registry: tasks, services, params: { ...usual, ...params }, run });
  }

  async preview(
    recipe: string,
    services: readonly Service[],
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Preview> {
    return preview(await this.plan(recipe, services, params), await this.facts(services), tasks);
  }

  /** The lines of the dry run. */
  async dryRun(recipe: string, services: readonly Service[], params: Readonly<Record<string, unknown>> = {}) {
    const seen = await this.preview(recipe, services, params);
    return {
      problems: seen.problems.map(({ code }) => code),
      changes: seen.steps.flatMap(({ verdict }) =>
        verdict.kind === 'todo' ? verdict.changes.map(({ host, text }) => `${host}: ${text}`) : [],
      ),
    };
  }

  /** The commands that a recipe comes to. */
  async explain(
    recipe: string,
    services: readonly Service[],
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<readonly PlainCommand[]> {
    const plan = await this.plan(recipe, services, params);
    const { steps } = explain(plan, await this.facts(services), tasks, awsCommand);
    return steps.flatMap(({ commands }) => commands);
  }

  /** Runs a recipe to its end. With `diesAfter` the process is killed when so many events are journaled. */
  async run(
    recipe: string,
    services: readonly Service[],
    params: Readonly<Record<string, unknown>> = {},
    diesAfter = Number.POSITIVE_INFINITY,
  ): Promise<Outcome> {
    const plan = await this.plan(recipe, services, params);
    const journal = new MemoryJournal();
    const abandon = new AbortController();
    const dying: Journal = {
      append: async (event) => {
        if (journal.events.length >= diesAfter) {
          abandon.abort();
          throw new Death();
        }
        await journal.append(event);
      },
    };
    let settled = false;
    this.warnings = [];
    const running = startRun({
      plan,
      registry: tasks,
      ports: this.world,
      clock: this.clock,
      journal: dying,
      emit: (event) => {
        if (event.type === 'run.warning') this.warnings.push(event.text);
      },
      leases: new FakeLeases(),
      readFacts: () => this.facts(services),
      cancel: new AbortController().signal,
      abandon: abandon.signal,
    }).finally(() => {
      settled = true;
    });
    running.catch(() => {});
    while (!settled) await this.clock.advance(50);
    this.events = journal.events;
    return running;
  }

  deploy(...services: readonly Service[]): Promise<Outcome> {
    return this.run('deploy', services);
  }

  rollback(...services: readonly Service[]): Promise<Outcome> {
    return this.run('rollback', services);
  }

  /** What runs: host, service, release and restart policy. */
  running(): readonly string[] {
    return this.#running(label.release);
  }

  /** What runs, with its tag instead of its release. */
  serves(): readonly string[] {
    return this.#running(label.reference).map((line) => line.replace(/ [^ ]*:/, ' '));
  }

  /** All containers of services, with state and restart policy. */
  state(): readonly string[] {
    return this.hosts
      .flatMap(({ name: host, engine }) =>
        ofServices(engine).map(({ name, state, restart }) => `${host} ${name} ${state} ${restart}`),
      )
      .sort();
  }

  #running(key: string): readonly string[] {
    return this.hosts
      .flatMap(({ name: host, engine }) =>
        ofServices(engine)
          .filter(({ state }) => state === 'running' || state === 'restarting')
          .map(({ name, labels, restart }) =>
            [host, labels[label.service] ?? name, labels[key] ?? '-', restart].join(' '),
          ),
      )
      .sort();
  }
}

const ofServices = (engine: FakeEngine) =>
  engine.all().filter(({ labels }) => labels[label.role] !== 'network');

/** The same on each of the three hosts. */
export const everywhere = (...lines: readonly string[]): readonly string[] =>
  ['host-1', 'host-2', 'host-3'].flatMap((host) => lines.map((line) => `${host} ${line}`)).sort();
