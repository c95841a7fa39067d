import { z } from 'zod';

/**
 * Returns the schema with keys that it does not know allowed and kept, at any depth: a newer version may have written them. References
 * in recipes to such keys are still errors.
 */
export function keepUnknown<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return opened(schema) as z.ZodType<T>;
}

function opened(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) {
    const parts = Object.entries(schema.shape).map(([key, part]) => [key, opened(part)]);
    return z.looseObject(Object.fromEntries(parts)).meta({ additionalProperties: false });
  }
  if (schema instanceof z.ZodOptional) return z.optional(opened(schema.unwrap()));
  if (schema instanceof z.ZodArray) return z.array(opened(schema.element));
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(opened));
  return schema;
}

/** Returns the paths of keys that a strict schema does not know, as in `health.grpc`. Other problems are ignored. */
export function unknownKeys(schema: z.ZodType, value: unknown): readonly string[] {
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key].join('.')) : [],
  );
}
