import { Document, isMap, isScalar, isSeq, type Node, type Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { Annotated, type Draft } from './draft.js';

/** The user's answers; a missing one becomes a placeholder. */
export interface Answers {
  /** Addresses, as passed to `ssh`. */
  readonly hosts?: readonly string[];
  readonly registry?: string;
  readonly image?: string;
}

/** The name of a draft's environment. */
export const firstEnvironment = 'production';

const keyOrder = [
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

/** Formats a draft as `oneclick.yml`, with a comment on each inferred value. */
export function draftText(
  { project, registry, services, questions: open }: Draft,
  answers: Answers = {},
): string {
  const document = new Document(new YAMLMap());
  const top = document.contents as YAMLMap;
  const add = (map: YAMLMap, key: string, value: unknown) => map.items.push(createPair(document, key, value));
  add(top, 'project', project);
  const named = answers.registry ?? registry;
  if (named !== undefined) add(top, 'registry', named);
  const serviceMap = new YAMLMap();
  for (const [name, service] of services) add(serviceMap, name, sortKeys(service, answers));
  add(top, 'services', serviceMap);
  addBlankLines(serviceMap);
  const environment = new YAMLMap();
  add(environment, 'hosts', answers.hosts ?? null);
  const hosts = environment.items[0]?.value;
  if (answers.hosts === undefined && isScalar(hosts))
    hosts.comment = ' fill in: server addresses, such as [10.0.0.5, 10.0.0.6]';
  const environments = new YAMLMap();
  add(environments, firstEnvironment, environment);
  add(top, 'environments', environments);
  for (const { key } of top.items.slice(-2)) if (isScalar(key)) key.spaceBefore = true;
  document.commentBefore = [
    ' Draft by `oneclick init`. Comments name the source of each value.',
    ' Reference of all keys: oneclick config docs',
    ...(open.includes('registry') && answers.registry === undefined
      ? [' registry: ghcr.io/acme   # fill in: the registry to push built images to']
      : []),
  ].join('\n');
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false, nullStr: '' });
  return `${text.trimEnd()}\n`;
}

function sortKeys(service: Annotated, { image }: Answers): Annotated {
  const keys: Readonly<Record<string, unknown>> = Object(service.value);
  const known = keyOrder.filter((key) => keys[key] !== undefined);
  const map = Object.fromEntries(known.map((key) => [key, keys[key]]));
  const replaces = image !== undefined && map.image instanceof Annotated && map.build === undefined;
  return new Annotated(replaces ? { ...map, image } : map, service.why, service.from);
}

/** Separates services by blank lines. */
function addBlankLines(map: YAMLMap): void {
  for (const { key } of map.items.slice(1)) if (isScalar(key)) key.spaceBefore = true;
}

/** Creates a key and value; the comment follows a scalar and precedes a map or list. */
function createPair(document: Document, key: string, value: unknown) {
  const node = createNode(document, value);
  const pair = document.createPair(key, node);
  if (value instanceof Annotated && (isMap(node) || isSeq(node))) {
    const comment = commentOf(value);
    if (comment !== undefined) (pair.key as unknown as Scalar).commentBefore = comment;
  }
  return pair;
}

function createNode(document: Document, value: unknown): Node {
  if (value instanceof Annotated) {
    const node = createNode(document, value.value);
    if (!isScalar(node)) return node;
    const comment = commentOf(value);
    if (comment !== undefined) node.comment = comment;
    return node;
  }
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.items = value.map((item) => createNode(document, item));
    list.flow =
      value.every((item) => !(item instanceof Annotated) && !isObject(item)) && value.join(', ').length < 80;
    return list;
  }
  if (value instanceof YAMLMap) return value;
  if (isObject(value)) {
    const map = new YAMLMap();
    map.items = Object.entries(value).map(([key, inner]) => createPair(document, key, inner));
    return map;
  }
  const node = document.createNode(value) as Scalar;
  // YAML 1.1 reads an unquoted 80:80 as one number.
  if (typeof value === 'string' && /^[\d.:[\]a-f]*:\d+$/i.test(value)) node.type = 'QUOTE_DOUBLE';
  return node;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Formats a comment; replaces line breaks, which would end it. */
function commentOf({ why, from }: Annotated): string | undefined {
  const text = [why, from].filter((part) => part !== undefined && part !== '').join(', ');
  return text === '' ? undefined : ` ${text.replace(/\p{C}/gu, '\ufffd')}`;
}
