import { variableName } from '../../config/schema-types.js';
import { Annotated } from '../draft.js';
import { escapeDollars, looksSecret } from '../names.js';
import type { ComposeNode } from './compose-node.js';
import type { ServiceBuilder } from './service-builder.js';
import { fillDefaults, variablesIn } from './variables.js';

interface Pair {
  readonly name: string;
  /** The node of the whole pair. */
  readonly at: ComposeNode;
  /** Undefined for a name without a value, which compose reads from the shell. */
  readonly text: string | undefined;
}

/** Returns the pairs of `KEY: value` or `- KEY=value` notation. */
export function pairsOf(node: ComposeNode): readonly Pair[] {
  if (node.isMap) return [...node.entries].map(([name, at]) => ({ name, at, text: at.text }));
  return node.items.flatMap((at) => {
    const [, name = '', text] = /^([^=]*)(?:=(.*))?$/s.exec(at.text ?? '') ?? [];
    return name === '' ? [] : [{ name, at: at.withName(name), text }];
  });
}

/** Rejects `__proto__`, which would set the prototype of a map. */
const isVariable = (name: string) => name !== '__proto__' && variableName.safeParse(name).success;

/** Converts `environment`; probable secrets go to `secrets`, without their values. */
export function convertEnvironment(builder: ServiceBuilder, node: ComposeNode): void {
  for (const { name, at, text } of pairsOf(node)) {
    if (!isVariable(name)) builder.skip(at, `${name} is not a valid variable name`);
    else if (text !== '' && looksSecret(name, fillDefaults(text ?? '').text))
      convertSecret(builder, name, at, text);
    else {
      builder.add('env', {
        [name]: text === undefined ? `\${${name}:-}` : builder.interpolatedText(at, text),
      });
      reportOldNames(builder, at, text ?? '');
    }
  }
}

/** Reports values that contain the old name of a renamed service. */
function reportOldNames(builder: ServiceBuilder, at: ComposeNode, text: string): void {
  for (const [old, name] of builder.context.names) {
    if (old === name || !text.split(/[^A-Za-z0-9_.-]+/).includes(old)) continue;
    builder.skip(at, `${old} is now ${name}: update this value if it is a host name`);
  }
}

/** Adds a secret; reports that its value is dropped unless it was `${NAME}`. */
function convertSecret(
  builder: ServiceBuilder,
  name: string,
  at: ComposeNode,
  text: string | undefined,
): void {
  builder.addSecret(new Annotated(name, 'looks like a secret', at.location));
  const [only, ...more] = variablesIn(text ?? '');
  const same = text === undefined || (only === name && more.length === 0 && /^\$\{?\w+\}?$/.test(text));
  if (!same) builder.skip(at, 'now a secret: set its value in .env.production or the environment');
}

/** Converts `env_file` to secrets, whose values stay in a file; non-secret values of an example file become `env`. */
export function convertEnvFiles(builder: ServiceBuilder, node: ComposeNode): void {
  for (const item of node.isMap ? [node] : node.items) {
    const at = item.get('path') ?? item;
    const file = builder.context.envFiles.get(at.text ?? '');
    if (file === undefined) {
      builder.skip(at, `${at.text} not found: list its variables under env or secrets`);
      continue;
    }
    for (const [name, { value, line }] of file.values) {
      if (!isVariable(name) || Object.hasOwn(Object(builder.keys.env), name)) continue;
      if (file.example && !looksSecret(name, value))
        builder.add('env', {
          [name]: new Annotated(escapeDollars(value), 'example value', `${file.file}:${line}`),
        });
      else builder.addSecret(new Annotated(name, '', `${file.file}:${line}`));
    }
  }
}
