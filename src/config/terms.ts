import { z } from 'zod';
import { checkReferences } from './interpolate.js';
import { durationPattern, ParseError, parseDuration } from './parsers.js';
import { splitWords } from './words.js';

/** The terms that the schema of `oneclick.yml` is made of. */

/** A map with exactly these keys, each of which may be left out or empty. */
export function keys<Shape extends z.ZodRawShape>(shape: Shape) {
  const nullish = Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, z.nullish(value)]));
  return z.strictObject(nullish as { [Key in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Key]>> });
}

/** Text that `parse` understands; its {@link ParseError} becomes the message. */
export function notation<Value>(expected: string, parse: (text: string) => Value, pattern?: RegExp) {
  const text = z.string(expected);
  return (pattern === undefined ? text : text.meta({ pattern: pattern.source })).transform(
    (written, context) => {
      try {
        return parse(written);
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    },
  );
}

/** Text in which `${VAR}` stands for a variable of the environment; it is put in when an environment is resolved. */
export const marked = notation('expected text', (text) => {
  checkReferences(text);
  return text;
});

/** One line of text. */
export const plain = z
  .string('expected text')
  .min(1, 'must not be empty')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\x00-\x1f\x7f]*$/, 'must be one line without control characters');

/** A file's path: nothing is put in, so a variable would silently be part of the name. */
export const path = plain.regex(/^[^$]*$/, 'variables are not replaced here; ~ is the home folder');

const nameRule =
  'must be lower-case letters, digits and dashes, at most 63, not starting or ending with a dash';
/** The name of a project, a service or an environment: also good as a DNS label and in image names. */
export const name = z.string(nameRule).regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, nameRule);

const hostRule = 'must be letters, digits, dots, dashes and underscores, at most 128';
/** The name or the ID of a host. */
export const hostName = z.string(hostRule).regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, hostRule);

const variableRule = 'must be letters, digits and underscores, not starting with a digit';
/** The name of a variable or a secret. */
export const variable = z.string(variableRule).regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, variableRule);

/** A time, in ms once parsed. */
export const duration = notation(
  'a duration is a number with its unit: 500ms, 5s, 2m, 1h',
  parseDuration,
  durationPattern,
);

/** A command as a list of words. */
export const words = z.union(
  [
    notation('expected a command', splitWords),
    z.array(z.string('a word of a command must be text: put it in quotes')).min(1, 'the command is empty'),
  ],
  'a command is a list of words, or one string without shell syntax',
);
