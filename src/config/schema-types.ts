import { z } from 'zod';
import { checkReferences } from './interpolate.js';
import { durationPattern, ParseError, parseDuration } from './parsers.js';
import { splitWords } from './split-words.js';

/* Value types shared by the schemas of `oneclick.yml`. */

/** A map with these keys only, each optional and nullable. */
export function optionalKeys<Shape extends z.ZodRawShape>(shape: Shape) {
  const nullish = Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, z.nullish(value)]));
  return z.strictObject(nullish as { [Key in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Key]>> });
}

/** Text parsed by `parse`; its {@link ParseError} becomes the problem. */
export function parsedText<Value>(expected: string, parse: (text: string) => Value, pattern?: RegExp) {
  const schema = z.string(expected);
  return (pattern === undefined ? schema : schema.meta({ pattern: pattern.source })).transform(
    (text, context) => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    },
  );
}

/** Text with `${VAR}` references, interpolated when an environment is resolved. */
export const interpolatedText = parsedText('must be text', (text) => {
  checkReferences(text);
  return text;
});

/** One line of text. */
export const singleLine = z
  .string('must be text')
  .min(1, 'must not be empty')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: rejecting them is the purpose
  .regex(/^[^\x00-\x1f\x7f]*$/, 'must be one line without control characters');

/** A file path. Rejects `$`: variables are not interpolated and would become part of the name. */
export const path = singleLine.regex(/^[^$]*$/, 'must not contain variables; ~ is the home folder');

const nameRule = 'must be 1 to 63 lowercase letters, digits or dashes, and not start or end with a dash';
/** The name of a project, service or environment; valid as a DNS label and in image names. */
export const name = z.string(nameRule).regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, nameRule);

const hostRule = 'must be 1 to 128 letters, digits, dots, dashes or underscores';
/** The name or the ID of a host. */
export const hostName = z.string(hostRule).regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, hostRule);

const variableRule = 'must be letters, digits or underscores, and not start with a digit';
/** The name of a variable or a secret. */
export const variableName = z.string(variableRule).regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, variableRule);

/** A duration, parsed into ms. */
export const duration = parsedText(
  'must be a duration, such as 500ms, 5s, 2m or 1h',
  parseDuration,
  durationPattern,
);

/** A command, parsed into a list of words. */
export const commandWords = z.union(
  [
    parsedText('must be a command', splitWords),
    z.array(z.string('must be text: put it in quotes')).min(1, 'must not be empty'),
  ],
  'must be a list of words, or a string without shell syntax',
);
