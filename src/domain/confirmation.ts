import type { Listener, LoadBalancer, RuleCondition, TargetGroup } from './target-group.js';

/** A request to a load balancer that its rules forward to one target group. */
export interface Confirmation {
  /** The load balancer's address. */
  readonly address: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** The host name to request, if it is not the address. */
  readonly host?: string;
  /** With the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The host that the certificate must be valid for, if known. */
  readonly serverName?: string;
  /** Set if host or path are made up to match a rule: the application may not know them. */
  readonly isGuess?: true;
}

/** The parts of the request that the configuration sets, and the path to prefer otherwise. */
export interface ConfirmationOptions {
  readonly host?: string | undefined;
  readonly path?: string | undefined;
  readonly usualPath: string;
}

/** A request under construction. Header names are in lower case. */
interface Draft {
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the configuration sets. */
  readonly fixed: { readonly host: boolean; readonly path: boolean };
  /** Whether users send this host too. */
  readonly isHostKnown: boolean;
  readonly isGuess: boolean;
}

/** Limits the combinations of a rule's values. */
const maxDrafts = 50;
/** Sent with every request. */
const ownHeaders: Readonly<Record<string, string>> = { 'user-agent': 'oneclick' };
/** Set by the HTTP client. */
const clientHeaders = ['accept', 'accept-encoding', 'connection'];

/**
 * Returns a request for each listener that can confirm that the group answers, or the reason why none can. Evaluates the rules in
 * order, so that each request reaches this group and no other.
 */
export function confirmationsOf(
  group: TargetGroup,
  options: ConfirmationOptions,
): { readonly requests: readonly Confirmation[] } | { readonly reason: string } {
  const results = group.balancers.flatMap((balancer) =>
    balancer.listeners
      .filter(({ protocol }) => protocol === 'HTTP' || protocol === 'HTTPS')
      .map((listener) => confirmationOf(balancer, listener, group, options)),
  );
  const requests = results.flatMap((result) => (typeof result === 'string' ? [] : [result]));
  if (requests.length > 0) return { requests };
  const reasons = results.filter((result) => typeof result === 'string');
  return { reason: [...new Set(reasons)].join('; ') || `${group.name} has no HTTP or HTTPS listener` };
}

function confirmationOf(
  { address, name }: LoadBalancer,
  { protocol, port, rules = [{ conditions: [], action: 'forward' }] }: Listener,
  group: TargetGroup,
  { host, path, usualPath }: ConfirmationOptions,
): Confirmation | string {
  const start: Draft = {
    ...{ host: host ?? address, path: path ?? usualPath, headers: {}, isGuess: false },
    fixed: { host: host !== undefined, path: path !== undefined },
    isHostKnown: host !== undefined,
  };
  const scheme = protocol === 'HTTPS' ? 'https' : 'http';
  const at = `port ${port} of ${name}`;
  const reasons: string[] = [];
  const drafts: Draft[] = [];
  for (const { conditions, action } of rules) {
    if (action === 'split') reasons.push(`${at} divides the requests for ${group.name} among several groups`);
    if (action === 'login') reasons.push(`${at} requires a login`);
    if (action !== 'forward') continue;
    const unmet = conditions.flatMap((condition) => reasonAgainst(condition) ?? []);
    if (unmet.length > 0) reasons.push(`${at} forwards to ${group.name} depending on ${unmet.join(' and ')}`);
    else drafts.push(...draftsFor(conditions, start));
  }
  const usable = drafts.filter((draft) => reachesGroup(rules, draft));
  const chosen = usable.find(({ isGuess }) => !isGuess) ?? usable[0];
  if (chosen === undefined) {
    const request = `GET ${scheme}://${start.host}${start.path}`;
    const own = start.fixed.host || start.fixed.path ? request : 'any request for certain';
    return reasons[0] ?? `${at} does not forward ${own} to ${group.name}`;
  }
  return {
    ...{ address, port, scheme, path: chosen.path },
    ...(chosen.host === address ? {} : { host: chosen.host }),
    ...(chosen.isHostKnown && scheme === 'https' ? { serverName: chosen.host } : {}),
    ...(Object.keys(chosen.headers).length === 0 ? {} : { headers: chosen.headers }),
    ...(chosen.isGuess ? { isGuess: true } : {}),
  };
}

/** Returns the part of a condition that no GET request can meet. */
function reasonAgainst(condition: RuleCondition): string | undefined {
  if (condition.kind === 'other') return condition.text;
  if (condition.kind === 'method' && !condition.values.includes('GET'))
    return `the method ${condition.values.join(' or ')}`;
  return undefined;
}

/** Returns requests that meet all conditions. */
const draftsFor = (conditions: readonly RuleCondition[], start: Draft): readonly Draft[] =>
  conditions.reduce<readonly Draft[]>(
    (drafts, condition) => drafts.flatMap((draft) => meet(condition, draft)).slice(0, maxDrafts),
    [start],
  );

function meet(condition: RuleCondition, draft: Draft): readonly Draft[] {
  if (holds(condition, draft) === true) return [draft];
  switch (condition.kind) {
    case 'host':
      if (draft.fixed.host) return [];
      return condition.values.map((value) => ({
        ...draft,
        host: sample(value, 'oneclick').toLowerCase(),
        isHostKnown: !isPattern(value),
        isGuess: draft.isGuess || isPattern(value),
      }));
    case 'path':
      if (draft.fixed.path) return [];
      // The application may serve other paths of a prefix, or no GET.
      return condition.values.map((value) => ({
        ...draft,
        path: sample(value, '') + draft.path.replace(/^[^?]*/, ''),
        isGuess: true,
      }));
    case 'header': {
      const { name, values } = condition;
      return values.map((value) => ({
        ...draft,
        headers: { ...draft.headers, [name.toLowerCase()]: sample(value, 'oneclick') },
        isGuess: draft.isGuess || isPattern(value),
      }));
    }
    case 'query':
      return condition.pairs.map(({ key = 'oneclick', value }) => {
        const pair = [key, value].map((text) => encodeURIComponent(sample(text, 'oneclick'))).join('=');
        const path = `${draft.path}${draft.path.includes('?') ? '&' : '?'}${pair}`;
        return { ...draft, path, isGuess: draft.isGuess || isPattern(value) };
      });
    case 'method':
    case 'other':
      return [];
  }
}

/** Whether the rules forward the request to the group. */
function reachesGroup(rules: NonNullable<Listener['rules']>, draft: Draft): boolean {
  for (const { conditions, action } of rules) {
    const results = conditions.map((condition) => holds(condition, draft));
    if (results.includes(false)) continue;
    if (action !== 'forward') return false;
    // An undecided rule leads to the same group or is skipped.
    if (!results.includes(undefined)) return true;
  }
  return false;
}

/** Whether the request meets the condition; undefined if that cannot be known. */
function holds(condition: RuleCondition, { host, path, headers }: Draft): boolean | undefined {
  const [route = '', query = ''] = path.split('?', 2);
  switch (condition.kind) {
    case 'host':
      return condition.values.some((value) => matches(value, host, true));
    case 'path':
      return condition.values.some((value) => matches(value, route, false));
    case 'method':
      return condition.values.includes('GET');
    case 'header': {
      const name = condition.name.toLowerCase();
      const sent = headers[name] ?? ownHeaders[name];
      if (sent === undefined) return clientHeaders.includes(name) ? undefined : false;
      return condition.values.some((value) => matches(value, sent, true));
    }
    case 'query': {
      const sent = [...new URLSearchParams(query)];
      return condition.pairs.some(({ key, value }) =>
        sent.some(
          ([name, text]) => (key === undefined || matches(key, name, true)) && matches(value, text, true),
        ),
      );
    }
    case 'other':
      return undefined;
  }
}

const isPattern = (pattern: string) => tokens(pattern).some(({ wildcard }) => wildcard !== undefined);

/** Whether the text matches a pattern; a backslash makes the next character literal. */
function matches(pattern: string, text: string, ignoreCase: boolean): boolean {
  const parts = tokens(ignoreCase ? pattern.toLowerCase() : pattern);
  const letters = [...(ignoreCase ? text.toLowerCase() : text)];
  // Whether the parts so far match the first n letters.
  let reached = [true, ...letters.map(() => false)];
  for (const { wildcard, letter } of parts) {
    const from = reached.indexOf(true);
    reached = reached.map((_, n) =>
      wildcard === '*'
        ? from !== -1 && n >= from
        : reached[n - 1] === true && (wildcard === '?' || letters[n - 1] === letter),
    );
  }
  return reached.at(-1) === true;
}

/** Returns a text that matches a pattern, with `many` for each `*`. */
function sample(pattern: string, many: string): string {
  return tokens(pattern)
    .map(({ wildcard, letter }) => (wildcard === '*' ? many : wildcard === '?' ? 'a' : letter))
    .join('');
}

function tokens(pattern: string): readonly { readonly wildcard?: string; readonly letter: string }[] {
  return [...pattern.matchAll(/\\(.)|([*?])|(.)/gsu)].map(([, escaped, wildcard, letter]) => ({
    ...(wildcard === undefined ? {} : { wildcard }),
    letter: escaped ?? letter ?? '',
  }));
}
