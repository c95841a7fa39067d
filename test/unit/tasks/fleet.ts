import { fileURLToPath } from 'node:url';
import { type ConnectedEnvironment, withEnvironment } from '../../../src/app/connect.js';
import type { Context } from '../../../src/app/context.js';
import { readResumable, resumeRecipe } from '../../../src/app/resume-run.js';
import { type RecipeRequest, type RecipeResult, runRecipe } from '../../../src/app/run-recipe.js';
import type { Session } from '../../../src/app/session.js';
import { awsCommand } from '../../../src/cloud/aws/commands.js';
import { loadProject } from '../../../src/config/load.js';
import { secretStore } from '../../../src/config/secrets.js';
import type { Facts } from '../../../src/domain/facts.js';
import { Blocked } from '../../../src/domain/failure.js';
import type { PlainCommand } from '../../../src/domain/plain-command.js';
import { Redaction } from '../../../src/domain/redact.js';
import type { Service } from '../../../src/domain/service.js';
import type { Need } from '../../../src/domain/task.js';
import type { Outcome, RunEvent } from '../../../src/run/events.js';
import { FileJournal } from '../../../src/run/journal.js';
import type { Plan } from '../../../src/run/plan.js';
import type { Preview } from '../../../src/run/preview.js';
import { DyingJournal } from '../../fakes/journal.js';
import { RecordingListener } from '../../fakes/listener.js';
import { FakeMachines } from '../../fakes/machines.js';

const files = {
  read: async (path: string) =>
    path === '/shop/oneclick.yml' ? 'project: shop\nservices: { web: { image: web } }\n' : undefined,
  list: async () => [],
};

const packageDir = fileURLToPath(new URL('../../..', import.meta.url));

/** A project in memory, with the shipped recipes. */
const shop = loadProject({
  ...{ files, cwd: '/shop', home: '/home/ada', environmentsDir: '/environments', variables: {} },
});

/** A service on `host-1`, `host-2`, … that listens on `port`. */
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

/** The service with an image of this tag. */
export const at = (service: Service, tag: string): Service => ({
  ...service,
  image: { kind: 'fixed', reference: `registry.test/${service.name}:${tag}`, moves: true },
});

/** Options of a recipe run. */
export type FleetRequest = Partial<Omit<RecipeRequest, 'recipe' | 'services'>> & {
  /** The process is killed after this many journaled events. */
  readonly diesAfter?: number;
};

/** Fake machines, and a project that the application layer deploys to them. */
export class Fleet extends FakeMachines {
  /** The environment variables of this process. */
  variables: Context['env'] = {};
  readonly secrets = new Map<string, string>();
  /** Secrets that a command prints; it fails if the value is undefined. */
  readonly secretCommands = new Map<string, string | undefined>();
  /** The secrets whose commands have run. */
  readonly commandsRun: string[] = [];
  /** The instance ID of each host; its name by default. */
  instanceIds: Readonly<Record<string, string>> = {};
  /** Hosts that the configuration does not list. */
  readonly unlisted = new Set<string>();
  readonly listener = new RecordingListener();
  /** The project and environment of the next runs, which change the same machines. */
  id = { project: 'shop', environment: 'production' };
  /** Interrupts the current run; each run has its own. */
  interrupts = { cancel: new AbortController(), abandon: new AbortController(), stopped: false };
  readonly #folder: string | undefined;
  readonly #journals: DyingJournal[] = [];
  #diesAfter = Number.POSITIVE_INFINITY;
  #runs = 0;

  /** With a folder, journals are written to it, so that runs can be resumed. */
  constructor(count = 3, { folder }: { folder?: string } = {}) {
    super(count);
    this.#folder = folder;
  }

  /** The events in the journal of the last run. */
  get events(): readonly RunEvent[] {
    return this.#journals.at(-1)?.events ?? [];
  }

  /** The warnings of the last run. */
  get warnings(): readonly string[] {
    return this.listener.warnings;
  }

  /** Everything still open: connections by host, journals and lease locks. */
  get open(): readonly string[] {
    const journals = this.#journals.filter(({ closed }) => !closed).map(() => 'journal');
    return [
      ...this.connections.filter(({ closed }) => !closed).map(({ name }) => name),
      ...journals,
      ...this.leases.flatMap(({ held }) => held),
    ];
  }

  /** A session of the current environment with these services. */
  async session(services: readonly Service[]): Promise<Session> {
    const context = this.#context();
    const project = await shop;
    const secrets = secretStore({
      ...{ environment: this.id.environment, folder: '/shop', files },
      sources: Object.fromEntries([...this.secretCommands.keys()].map((name) => [name, { command: [name] }])),
      variables: Object.fromEntries(this.secrets),
      run: async ({ argv: [name = ''] }) => {
        this.commandsRun.push(name);
        const stdout = this.secretCommands.get(name);
        return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? '', stderr: '' };
      },
      onFound: (_, value) => context.redaction.add(value),
    });
    const listed = this.hosts.filter(({ name }) => !this.unlisted.has(name));
    const hosts = listed.map(({ name }) => ({ name, address: name, hostKeys: 'known' as const }));
    return {
      ...{ context, secrets, commit: undefined, listener: this.listener },
      project: this.#folder === undefined ? project : { ...project, folder: this.#folder },
      environment: {
        ...{ project: this.id.project, name: this.id.environment, services, hosts },
        instanceIds: this.instanceIds,
      },
      id: this.id,
    };
  }

  /** Runs `work` on the connected environment. */
  async connected<T>(
    services: readonly Service[],
    work: (connected: ConnectedEnvironment) => Promise<T>,
  ): Promise<T> {
    const isBalanced = services.some(({ targetGroup }) => targetGroup !== undefined);
    const needs = new Set<Need>(isBalanced ? ['hosts', 'registry', 'cloud'] : ['hosts', 'registry']);
    return withEnvironment(await this.session(services), { services, needs }, work);
  }

  facts(services: readonly Service[]): Promise<Facts> {
    return this.connected(services, (connected) => connected.facts());
  }

  /** Runs a recipe through the application layer while the clock advances. */
  async recipe(
    recipe: string,
    services: readonly Service[],
    { diesAfter, ...request }: FleetRequest = {},
  ): Promise<RecipeResult> {
    this.#begin();
    if (diesAfter !== undefined) this.#diesAfter = diesAfter;
    const interrupts = this.interrupts;
    const usual = { untouchedHosts: [], params: {}, wait: false };
    return this.whileTimePasses(
      runRecipe(await this.session(services), {
        ...{ recipe, services, ...usual, ...request },
        interrupts: () => openInterrupts(interrupts),
      }),
    );
  }

  /** Resumes a run of the folder, by default the last unfinished one. */
  async resume(
    revert: boolean,
    id?: string,
    {
      wait = false,
      without = [],
      diesAfter = Number.POSITIVE_INFINITY,
    }: { wait?: boolean; without?: readonly string[]; diesAfter?: number } = {},
  ): Promise<RecipeResult> {
    this.#diesAfter = diesAfter;
    this.#begin();
    const interrupts = this.interrupts;
    const session = await this.session([]);
    const journaled = await readResumable(session.project, id, revert);
    const { services } = journaled.progress.plan;
    return this.whileTimePasses(
      resumeRecipe(await this.session(services), journaled, {
        ...{ revert, wait, without, interrupts: () => openInterrupts(interrupts) },
      }),
    );
  }

  /** Advances the clock while the work sleeps, until it has settled. */
  async whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const end = () => {
      settled = true;
    };
    work.then(end, end);
    while (!settled) await this.clock.advance(this.clock.sleeping === 0 ? 0 : 50);
    return work;
  }

  async plan(
    recipe: string,
    services: readonly Service[],
    params: RecipeRequest['params'] = {},
  ): Promise<Plan> {
    return (await this.#planned(recipe, services, params)).plan;
  }

  async preview(
    recipe: string,
    services: readonly Service[],
    params: RecipeRequest['params'] = {},
  ): Promise<Preview> {
    return (await this.#planned(recipe, services, params)).preview;
  }

  /** The changes of a dry run; none if there are problems. */
  async dryRun(recipe: string, services: readonly Service[], params: RecipeRequest['params'] = {}) {
    const result = await this.recipe(recipe, services, { params, dryRun: 'plan' });
    const steps = result.kind === 'planned' ? result.preview.steps : [];
    return {
      problems: result.kind === 'blocked' ? result.problems.map(({ code }) => code) : [],
      changes: steps.flatMap(({ verdict }) =>
        verdict.kind === 'todo' ? verdict.changes.map(({ host, text }) => `${host}: ${text}`) : [],
      ),
    };
  }

  /** The commands that explain a recipe. */
  async explain(
    recipe: string,
    services: readonly Service[],
    params: RecipeRequest['params'] = {},
  ): Promise<readonly PlainCommand[]> {
    const result = await this.recipe(recipe, services, { params, dryRun: 'commands' });
    if (result.kind !== 'explained') throw unexpected(result);
    return result.explanation.steps.flatMap(({ commands }) => commands);
  }

  /** Runs a recipe. The process is killed after `diesAfter` journaled events. */
  async run(
    recipe: string,
    services: readonly Service[],
    params: RecipeRequest['params'] = {},
    diesAfter = Number.POSITIVE_INFINITY,
  ): Promise<Outcome> {
    this.#diesAfter = diesAfter;
    const result = await this.recipe(recipe, services, { params });
    if (result.kind !== 'ran') throw unexpected(result);
    return result.report.outcome;
  }

  deploy(...services: readonly Service[]): Promise<Outcome> {
    return this.run('deploy', services);
  }

  rollback(...services: readonly Service[]): Promise<Outcome> {
    return this.run('rollback', services);
  }

  #begin(): void {
    this.listener.clear();
    this.interrupts = { cancel: new AbortController(), abandon: new AbortController(), stopped: false };
  }

  async #planned(recipe: string, services: readonly Service[], params: RecipeRequest['params']) {
    const result = await this.recipe(recipe, services, { params, dryRun: 'plan' });
    if (result.kind !== 'planned') throw unexpected(result);
    return result;
  }

  #context(): Context {
    return {
      ...{ cwd: '/shop', env: this.variables, home: '/home/ada', user: 'ada', who: 'ada' },
      ...{ clock: this.clock, random: () => 0.5, redaction: new Redaction() },
      runId: () => `run-${++this.#runs}`,
      ...{ stateDir: '/state', configDir: '/config', packageDir },
      adapters: {
        connect: async (addresses) => this.connect(addresses.map(({ name }) => name)),
        probe: async (probe) => this.probeFromHere(probe),
        openCloud: async () => this.openCloud(),
        cloudCommand: async () => awsCommand,
        openJournal: async (...of) =>
          this.#openJournal(this.#folder === undefined ? undefined : new FileJournal(...of)),
      },
    };
  }

  #openJournal(file: FileJournal | undefined): DyingJournal {
    const { abandon } = this.interrupts;
    const journal = new DyingJournal(this.#diesAfter, () => abandon.abort(), file);
    this.#diesAfter = Number.POSITIVE_INFINITY;
    this.#journals.push(journal);
    return journal;
  }
}

function openInterrupts(interrupts: Fleet['interrupts']) {
  const { cancel, abandon } = interrupts;
  const stop = () => {
    interrupts.stopped = true;
  };
  return { cancel: cancel.signal, abandon: abandon.signal, stop };
}

function unexpected(result: RecipeResult): Error {
  return result.kind === 'blocked'
    ? new Blocked(result.problems)
    : new Error(`unexpected result: ${result.kind}`);
}

/** These lines for each of the three hosts. */
export const everywhere = (...lines: readonly string[]): readonly string[] =>
  ['host-1', 'host-2', 'host-3'].flatMap((host) => lines.map((line) => `${host} ${line}`)).sort();
