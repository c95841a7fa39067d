/** What a Dockerfile says about the container of its last stage. */
export interface Dockerfile {
  readonly port?: Seen<number>;
  /** The path that HEALTHCHECK asks for. */
  readonly path?: Seen<string>;
  /** What COPY and ADD take from the build context. */
  readonly copies: readonly string[];
}

interface Seen<T> {
  readonly value: T;
  readonly line: number;
  /** The instruction. */
  readonly why: string;
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
  readonly line: number;
}

/** Larger ones are looked at up to here. Characters. */
const most = 100_000;

/** Reads a Dockerfile as far as it tells how its container is used; never throws. */
export function readDockerfile(text: string): Dockerfile {
  const all = instructionsOf(text.slice(0, most));
  const stages = stagesOf(all);
  const last = stages.at(-1) ?? all;
  const variables = variablesOf(all);
  const put = ({ rest }: Instruction) =>
    rest.replace(
      /\$\{?([A-Za-z_]\w*)(?::-([^}]*))?\}?/g,
      (_, name, fallback) => variables.get(name) ?? fallback ?? '',
    );
  const exposed = last.find(
    ({ name, ...one }) => name === 'EXPOSE' && portIn(put({ name, ...one })) !== undefined,
  );
  const started = last.filter(({ name }) => name === 'CMD' || name === 'ENTRYPOINT').reverse();
  const listening = started.find((one) => listenerIn(put(one)) !== undefined);
  const by = exposed ?? listening;
  const port = by === undefined ? undefined : exposed ? portIn(put(by)) : listenerIn(put(by));
  const check = last.findLast(({ name }) => name === 'HEALTHCHECK');
  const request = check === undefined ? undefined : requestIn(put(check));
  return {
    ...(by === undefined || port === undefined ? {} : { port: { value: port, line: by.line, why: by.name } }),
    ...(check === undefined || request === undefined || (port !== undefined && request.port !== port)
      ? {}
      : { path: { value: request.path, line: check.line, why: 'HEALTHCHECK' } }),
    copies: all.flatMap(copied),
  };
}

/** One for each instruction, with the lines that it goes on in. */
function instructionsOf(text: string): readonly Instruction[] {
  const found: { name: string; rest: string; line: number }[] = [];
  let open = false;
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$/.test(row)) continue;
    const goesOn = /\\\s*$/.test(row);
    const content = row.replace(/\\\s*$/, '').trim();
    const last = found.at(-1);
    if (open && last !== undefined) last.rest += ` ${content}`;
    else {
      const [, name = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(content) ?? [];
      found.push({ name: name.toUpperCase(), rest, line: index + 1 });
    }
    open = goesOn;
  }
  return found;
}

/** The instructions of each stage, after those of the stage that it is made from. */
function stagesOf(all: readonly Instruction[]): readonly (readonly Instruction[])[] {
  const stages: { readonly name: string; readonly instructions: Instruction[] }[] = [];
  for (const instruction of all) {
    if (instruction.name !== 'FROM') {
      stages.at(-1)?.instructions.push(instruction);
      continue;
    }
    const words = instruction.rest.split(/\s+/).filter((word) => !word.startsWith('--'));
    const base = stages.find(({ name }) => name !== '' && name === words[0]?.toLowerCase());
    const name = words[1]?.toLowerCase() === 'as' ? (words[2]?.toLowerCase() ?? '') : '';
    // A chain of stages doubles nothing that matters, but its length must not.
    stages.push({ name, instructions: base === undefined ? [] : base.instructions.slice(-1000) });
  }
  return stages.map(({ instructions }) => instructions);
}

function variablesOf(all: readonly Instruction[]): ReadonlyMap<string, string> {
  const pairs = all
    .filter(({ name }) => name === 'ENV' || name === 'ARG')
    .flatMap(({ rest }) => [...rest.matchAll(/([A-Za-z_]\w*)(?:=|\s+)"?([^\s"]*)"?/g)]);
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]));
}

const isPort = (text: string | undefined) =>
  text !== undefined && Number(text) >= 1 && Number(text) <= 65_535;

function portIn(rest: string): number | undefined {
  const port = rest.split(/\s+/).flatMap((word) => /^(\d{1,5})(?:\/tcp)?$/.exec(word)?.[1] ?? []);
  return isPort(port[0]) ? Number(port[0]) : undefined;
}

/** The port in a command such as `gunicorn --bind 0.0.0.0:8000` or `uvicorn --port 8000`. */
function listenerIn(rest: string): number | undefined {
  const port = /(?:--port[=",\s]+|(?:0\.0\.0\.0|\[::\]|\*|[\s"=]):)(\d{2,5})\b/.exec(rest)?.[1];
  return isPort(port) ? Number(port) : undefined;
}

function copied({ name, rest }: Instruction): readonly string[] {
  if ((name !== 'COPY' && name !== 'ADD') || /--from=/.test(rest)) return [];
  const words = /^\s*(?:--\S+\s+)*\[/.test(rest)
    ? [...rest.matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)
    : rest.split(/\s+/);
  return words.filter((word) => !word.startsWith('--') && !/:\/\//.test(word)).slice(0, -1);
}

/** The request to this machine that a command makes: `curl -f http://localhost:3000/up || exit 1`. */
export function requestIn(command: string): { readonly port: number; readonly path: string } | undefined {
  const match =
    /\bhttp:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d{1,5}))?(\/[^\s"'|;&)#$]*)?/.exec(
      command,
    );
  // What is piped into another command is judged by more than its status.
  if (match === null || /(?<!\|)\|(?!\|)/.test(command) || (match[1] !== undefined && !isPort(match[1])))
    return undefined;
  return { port: Number(match[1] ?? 80), path: match[2] ?? '/' };
}
