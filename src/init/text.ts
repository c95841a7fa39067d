import { Document, isMap, isScalar, isSeq, type Node, type Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { type Draft, Noted } from './draft.js';

/** What a person answered; what is absent becomes a place to fill in. */
export interface Answers {
  /** Addresses, as `ssh` knows them. */
  readonly hosts?: readonly string[];
  readonly registry?: string;
  readonly image?: string;
}

/** The environment that a draft has. */
export const firstEnvironment = 'production';

const order = [
  'image',
  'build',
  'command',
  'port',
  'health',
  'env',
  'secrets',
  'volumes',
  'user',
  'memory',
  'cpus',
  'restart',
  'stop',
  'singleton',
  'needs',
  'release_command',
  'docker',
];

/** The draft as the text of `oneclick.yml`, with a comment beside each value that was seen elsewhere or guessed. */
export function draftText({ project, registry, services, open }: Draft, answers: Answers = {}): string {
  const document = new Document(new YAMLMap());
  const top = document.contents as YAMLMap;
  const add = (map: YAMLMap, key: string, value: unknown) => map.items.push(pairOf(document, key, value));
  add(top, 'project', project);
  const named = answers.registry ?? registry;
  if (named !== undefined) add(top, 'registry', named);
  const written = new YAMLMap();
  for (const [name, service] of services) add(written, name, inOrder(service, answers));
  add(top, 'services', written);
  spaced(written);
  const environment = new YAMLMap();
  add(environment, 'hosts', answers.hosts ?? null);
  const hosts = environment.items[0]?.value;
  if (answers.hosts === undefined && isScalar(hosts))
    hosts.comment = ' fill in the addresses of the servers, as ssh knows them: [10.0.0.5, 10.0.0.6]';
  const environments = new YAMLMap();
  add(environments, firstEnvironment, environment);
  add(top, 'environments', environments);
  for (const { key } of top.items.slice(-2)) if (isScalar(key)) key.spaceBefore = true;
  document.commentBefore = [
    ' A first draft by `oneclick init`; the comments say where values are from.',
    ' Every key and what it means: oneclick config docs',
    ...(open.includes('registry') && answers.registry === undefined
      ? [' registry: ghcr.io/acme   # fill in where the images are that are built here']
      : []),
  ].join('\n');
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false, nullStr: '' });
  return `${text.trimEnd()}\n`;
}

function inOrder(service: Noted, { image }: Answers): Noted {
  const keys: Readonly<Record<string, unknown>> = Object(service.value);
  const known = order.filter((key) => keys[key] !== undefined);
  const map = Object.fromEntries(known.map((key) => [key, keys[key]]));
  const asked = image !== undefined && map.image instanceof Noted && map.build === undefined;
  return new Noted(asked ? { ...map, image } : map, service.why, service.from);
}

/** A blank line between services. */
function spaced(map: YAMLMap): void {
  for (const { key } of map.items.slice(1)) if (isScalar(key)) key.spaceBefore = true;
}

/** A key with its value; what is noted stands behind a single value, and in front of a map or a list. */
function pairOf(document: Document, key: string, value: unknown) {
  const node = nodeOf(document, value);
  const pair = document.createPair(key, node);
  if (value instanceof Noted && (isMap(node) || isSeq(node))) {
    const comment = commentOf(value);
    if (comment !== undefined) (pair.key as unknown as Scalar).commentBefore = comment;
  }
  return pair;
}

function nodeOf(document: Document, value: unknown): Node {
  if (value instanceof Noted) {
    const node = nodeOf(document, value.value);
    if (!isScalar(node)) return node;
    const comment = commentOf(value);
    if (comment !== undefined) node.comment = comment;
    return node;
  }
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.items = value.map((item) => nodeOf(document, item));
    list.flow =
      value.every((item) => !(item instanceof Noted) && !isObject(item)) && value.join(', ').length < 80;
    return list;
  }
  if (value instanceof YAMLMap) return value;
  if (isObject(value)) {
    const map = new YAMLMap();
    map.items = Object.entries(value).map(([key, inner]) => pairOf(document, key, inner));
    return map;
  }
  const node = document.createNode(value) as Scalar;
  // A port as text is two numbers, which YAML 1.1 would read as one.
  if (typeof value === 'string' && /^[\d.:[\]a-f]*:\d+$/i.test(value)) node.type = 'QUOTE_DOUBLE';
  return node;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Nothing in it may end the comment. */
function commentOf({ why, from }: Noted): string | undefined {
  const text = [why, from].filter((part) => part !== undefined && part !== '').join(', ');
  return text === '' ? undefined : ` ${text.replace(/\p{C}/gu, '\ufffd')}`;
}
