import { z } from 'zod';
import type { JsonSchema } from '../domain/schema-problems.js';
import { constructs, RecipeFrame } from './parse.js';
import type { TaskForm, Tasks } from './tasks.js';

/** A JSON Schema (draft 7) by which editors complete and check recipes: the constructs, the tasks and their inputs. */
export function recipeSchema(tasks: Tasks): JsonSchema {
  const all = [...tasks.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const frame = draft7(RecipeFrame);
  const steps = { type: 'array', items: { $ref: '#/definitions/step' } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A recipe of oneclick',
    anyOf: [
      {
        ...frame,
        properties: { ...Object(frame.properties), steps: { ...steps, minItems: 1 }, after: steps },
      },
      { ...steps, description: 'A part of other recipes, for "recipe:".' },
    ],
    definitions: {
      step: {
        anyOf: [
          ...all.map((task) => ({ const: task.name, description: task.summary })),
          ...constructSchemas(steps),
          ...all.map(taskSchema),
        ],
      },
    },
  };
}

const draft7 = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  });
  return rest;
};

const placeholder = { type: 'string', pattern: '\\{\\{' };

function constructSchemas(steps: JsonSchema): readonly JsonSchema[] {
  const command = { anyOf: [{ type: 'string' }, { type: 'array' }, { type: 'object' }] };
  const rolling = {
    type: 'object',
    properties: {
      batch: { anyOf: [{ enum: ['all'] }, { type: 'integer', minimum: 1 }, { type: 'string' }] },
    },
    required: ['batch'],
    additionalProperties: false,
  };
  const values: Record<(typeof constructs)[number], JsonSchema> = {
    run: { ...command, description: 'A command on this machine.' },
    remote: { ...command, description: 'A command on the hosts.' },
    recipe: { type: 'string', description: 'Another recipe; {{ service.swap }} chooses by the service.' },
    each: {
      enum: ['service'],
      description: 'The steps below for each service, in the order of what services need.',
    },
    parallel: {
      ...steps,
      description: 'Side by side; a step starts when the receipts that it refers to exist.',
    },
    rolling: { ...rolling, description: 'The steps below on one batch of instances after the other.' },
  };
  return constructs.map((name) => {
    const nested = name === 'each' || name === 'rolling';
    return {
      type: 'object',
      properties: { [name]: values[name], ...(nested ? { steps } : {}) },
      required: nested ? [name, 'steps'] : [name],
      additionalProperties: false,
    };
  });
}

function taskSchema(task: TaskForm): JsonSchema {
  const input = withPlaceholders(draft7(task.input));
  const required = Array.isArray(input.required) ? input.required : [];
  const needed = required.filter((key) => !Object.hasOwn(task.defaults ?? {}, key));
  const written = { ...input, required: needed };
  return {
    type: 'object',
    properties: {
      [task.name]: {
        description: task.summary,
        ...(needed.length > 0 ? written : { anyOf: [{ type: 'null' }, written] }),
      },
    },
    required: [task.name],
    additionalProperties: false,
  };
}

/** Every value inside may be a text with placeholders instead. */
function withPlaceholders(schema: JsonSchema): JsonSchema {
  const either = (inner: unknown): unknown =>
    typeof inner === 'object' && inner !== null
      ? { anyOf: [withPlaceholders(inner as JsonSchema), placeholder] }
      : inner;
  const properties = Object.entries(Object(schema.properties)).map(([key, inner]) => [key, either(inner)]);
  return {
    ...schema,
    ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(properties) }),
    ...(schema.items === undefined ? {} : { items: either(schema.items) }),
    ...(schema.additionalProperties === undefined
      ? {}
      : { additionalProperties: either(schema.additionalProperties) }),
  };
}
