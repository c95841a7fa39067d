import { z } from 'zod';
import type { JsonSchema } from '../domain/schema-problems.js';
import { constructs, RecipeFrame } from './parse.js';
import type { TaskForm, Tasks } from './tasks.js';

/** Returns a JSON Schema (draft 7) of recipes, with all tasks and inputs, for editors. */
export function recipeSchema(tasks: Tasks): JsonSchema {
  const all = [...tasks.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const frame = draft7(RecipeFrame);
  const steps = { type: 'array', items: { $ref: '#/definitions/step' } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'oneclick recipe',
    anyOf: [
      {
        ...frame,
        properties: { ...Object(frame.properties), steps: { ...steps, minItems: 1 }, after: steps },
      },
      { ...steps, description: 'A list of steps to include with "recipe:".' },
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
    run: { ...command, description: 'Runs a command on this machine.' },
    remote: { ...command, description: 'Runs a command on the hosts.' },
    recipe: {
      type: 'string',
      description: 'Includes another recipe. The name may contain {{ service.swap }}.',
    },
    each: {
      enum: ['service'],
      description: 'Runs the steps for each service, after the services that it needs.',
    },
    parallel: {
      ...steps,
      description: 'Runs the steps in parallel. A step starts when the receipts that it uses exist.',
    },
    rolling: { ...rolling, description: 'Runs the steps on one batch of instances at a time.' },
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

/** Allows a text with placeholders in place of every value. */
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
