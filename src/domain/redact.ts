/** Shorter values are too common as parts of other words to be taken out. */
const shortest = 6;
const mask = '***';

/** The secrets that a process has read so far, which everything that it writes is kept free of. */
export class Redaction {
  readonly #values = new Map<string, string>();
  #redactor: Redactor = redactor(this.#values);

  /** Hides a value from now on. Answers false where it is too short to be taken out. */
  add(name: string, value: string): boolean {
    this.#values.set(name, value);
    this.#redactor = redactor(this.#values);
    return !this.#redactor.unprotected.includes(name);
  }

  /** The text without the secrets that were added. */
  readonly redact = (text: string): string => this.#redactor.redact(text);
}

/** Takes secret values out of text, however they are written there. */
export interface Redactor {
  redact(text: string): string;
  /** For text that comes in pieces: no value slips through at their edges. */
  stream(): RedactingStream;
  /** The names of secrets that are too short to be taken out: warn about them. */
  readonly unprotected: readonly string[];
}

/** Holds back only what may be the beginning of a secret. */
export interface RedactingStream {
  write(text: string): string;
  /** The rest. */
  end(): string;
}

/** A redactor of these values, by name: raw, by line, JSON-escaped, URL-encoded and in base64 at any offset. */
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
  const raw = [value, value.trim(), ...lines];
  const json = raw.map(inJson);
  const all = [...raw, ...json, ...json.map(inJson), ...raw.flatMap(inUrl), ...inBase64(value)];
  return all.filter((form) => form.length >= shortest);
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

function inUrl(text: string): string[] {
  const encoded = encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
  const strict = encoded.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (url: string) => url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [encoded, strict, strict.replaceAll('%20', '+')].flatMap((url) => [url, lower(url)]);
}

/** The characters of base64 that only the value decides, when it starts at byte 0, 1 or 2 of a group of three. */
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
  /** Where the first form begins that the text does not show in full. */
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
