import { Failure } from '../domain/failure.js';
import type { Problem } from '../domain/problem.js';
import { valueAt } from '../domain/schema-problems.js';
import type { Path, Source } from '../domain/source.js';
import { interpolate, type Variables } from './interpolate.js';
import { merge } from './merge.js';
import { ParseError } from './parsers.js';
import type { EnvironmentConfig, ProjectConfig } from './schema.js';
import type { ServiceConfig } from './service-schema.js';

/** The configuration of one environment and its place in a file. */
export interface EnvironmentLayer {
  readonly name: string;
  readonly source: Source;
  readonly at: Path;
  /** Relative paths are resolved against it. */
  readonly folder: string;
  readonly config: EnvironmentConfig;
}

/** The configuration of a project. */
export interface ProjectLayer {
  readonly source: Source;
  readonly folder: string;
  readonly config: ProjectConfig;
}

interface SourceLocation {
  readonly source: Source;
  readonly path: Path;
}

type Options = Parameters<Source['problem']>[2];

/** A project's configuration with one environment's changes over it; collects problems and warnings. */
export class Layers {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** If undefined, checks that depend on variables are skipped. */
  readonly variables: Variables | undefined;
  readonly project: ProjectLayer;
  readonly environment: EnvironmentLayer;

  constructor(project: ProjectLayer, environment: EnvironmentLayer, variables: Variables | undefined) {
    this.project = project;
    this.environment = environment;
    this.variables = variables;
  }

  /** The names of the services in this environment. */
  get services(): readonly string[] {
    const over = this.environment.config.services;
    return Object.keys(this.project.config.services).filter((name) => over?.[name] !== null);
  }

  /** Returns a service with this environment's changes merged in. */
  service(name: string): ServiceConfig {
    const { hosts: _, ...over } = this.environment.config.services?.[name] ?? {};
    return merge(this.project.config.services[name] ?? {}, over);
  }

  /** Finds the source of a value: the environment if it sets it, else the project. */
  locate(path: Path): SourceLocation {
    const { source, at } = this.environment;
    const inEnvironment = (part: Path) => valueAt(source.value, [...at, ...part]) !== undefined;
    const inProject = valueAt(this.project.source.value, path) !== undefined;
    const top = path[0] === 'services' ? 3 : 1;
    return inEnvironment(path) || (!inProject && path.length >= top && inEnvironment(path.slice(0, top)))
      ? { source, path: [...at, ...path] }
      : { source: this.project.source, path };
  }

  report(path: Path, message: string, options?: Options): void {
    const place = this.locate(path);
    this.problems.push(place.source.problem(place.path, message, options));
  }

  /** Reports a problem with a key that only environments have, such as `hosts`. */
  reportEnvironment(path: Path, message: string, options?: Options): void {
    this.problems.push(this.environment.source.problem([...this.environment.at, ...path], message, options));
  }

  warn(path: Path, message: string): void {
    const place = this.locate(path);
    this.warnings.push(place.source.problem(place.path, message));
  }

  /** Interpolates variables; returns undefined if variables are skipped, or if one is unset, which it reports. */
  interpolate(text: string, report: (message: string) => void): string | undefined {
    const { variables } = this;
    if (variables === undefined) return text.includes('$') ? undefined : text;
    return this.attempt(() => interpolate(text, variables), report);
  }

  /** Returns the result; reports a parse error or usage failure and returns undefined. */
  attempt<T>(read: () => T, report: (message: string) => void): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ParseError || (error instanceof Failure && error.kind === 'usage'))) throw error;
      report(error.message);
      return undefined;
    }
  }
}
