/** Shorter values occur in other words too often to be redacted. */
const shortest = 6;
/** Shorter passwords in URLs are often words. */
const shortestPassword = 8;
const mask = '***';

/** The secrets read so far, which must not appear in any output. */
export class Redaction {
  readonly #values = new Set<string>();
  /** Undefined after a change. */
  #redactor: Redactor | undefined;

  /** Redacts a value from now on, and all earlier ones still. Returns false if it is too short to be redacted. */
  add(value: string): boolean {
    if (!this.#values.has(value)) this.#redactor = undefined;
    this.#values.add(value);
    return value.length >= shortest;
  }

  /** Returns the text with all added secrets masked. */
  readonly redact = (text: string): string => {
    this.#redactor ??= redactor(new Map([...this.#values].map((value) => [value, value])));
    return this.#redactor.redact(text);
  };
}

/** Masks secret values in text, also in encoded forms. */
export interface Redactor {
  redact(text: string): string;
  /** Redacts text that arrives in chunks, including values split across chunks. */
  stream(): RedactingStream;
  /** Names of secrets that are too short to be redacted. */
  readonly unprotected: readonly string[];
}

/** Redacts chunks of text. Holds back only text that may start a secret. */
export interface RedactingStream {
  write(text: string): string;
  /** Returns the remaining text. */
  end(): string;
}

/**
 * Returns a redactor for these values: raw, line by line, JSON-escaped, URL-encoded, and base64 at any offset. Also masks the
 * password of a URL alone.
 */
export function redactor(values: ReadonlyMap<string, string>): Redactor {
  const long = [...values.values()].filter((value) => value.length >= shortest);
  const forms = [...new Set(long.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const unprotected = [...values].filter(([, value]) => value.length < shortest).map(([name]) => name);
  const pattern = forms.length === 0 ? undefined : new RegExp(forms.map(escaped).join('|'), 'g');
  return {
    redact: (text) => (pattern === undefined ? text : text.replace(pattern, mask)),
    stream: () => redactingStream(forms, pattern),
    unprotected,
  };
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.trim().length >= shortest);
  const raw = [value, value.trim(), ...lines, ...passwordOf(value)];
  const json = raw.map(inJson);
  const all = [...raw, ...json, ...json.map(inJson), ...raw.flatMap(inUrl), ...inBase64(value)];
  return all.filter((form) => form.length >= shortest);
}

/** The password of a URL as written and decoded. Excludes ones like `postgres:postgres`, which mask too much. */
function passwordOf(url: string): string[] {
  const [, user = '', password = ''] = /^[a-z][a-z\d+.-]*:\/\/([^/?#:@]*):([^/?#@]+)@/i.exec(url) ?? [];
  if (password.length < shortestPassword || password === user) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

function inUrl(text: string): string[] {
  const encoded = encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
  const strict = encoded.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (url: string) => url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [encoded, strict, strict.replaceAll('%20', '+')].flatMap((url) => [url, lower(url)]);
}

/** The base64 characters that depend on the value alone, for each of the three possible offsets. */
function inBase64(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const standard = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const start = [0, 2, 3][offset] ?? 0;
    const whole = (offset + bytes.length) % 3 === 0;
    return encoded.replace(/=+$/, '').slice(start, whole ? undefined : -1);
  });
  const ending = bytes.toString('base64');
  return [ending, ending.replace(/=+$/, ''), ...standard].flatMap((text) => [
    text,
    text.replaceAll('+', '-').replaceAll('/', '_'),
  ]);
}

function redactingStream(forms: readonly string[], pattern: RegExp | undefined): RedactingStream {
  if (pattern === undefined) return { write: (text) => text, end: () => '' };
  let held = '';
  /** The index of the first form that is not complete yet. */
  const firstOpen = (text: string): number => {
    for (let at = Math.max(0, text.length - (forms[0]?.length ?? 0) + 1); at < text.length; at++)
      if (forms.some((form) => form.length > text.length - at && form.startsWith(text.slice(at)))) return at;
    return text.length;
  };
  return {
    write(text) {
      held += text;
      const cut = firstOpen(held);
      let out = '';
      let at = 0;
      for (const match of held.matchAll(pattern)) {
        if (match.index >= cut) break;
        out += held.slice(at, match.index) + mask;
        at = match.index + match[0].length;
      }
      if (at < cut) out += held.slice(at, cut);
      held = held.slice(Math.max(at, cut));
      return out;
    },
    end() {
      const rest = held.replace(pattern, mask);
      held = '';
      return rest;
    },
  };
}
