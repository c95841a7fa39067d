/** Properties of the container that the last stage builds. */
export interface Dockerfile {
  readonly port?: Detected<number>;
  /** The path that HEALTHCHECK requests. */
  readonly path?: Detected<string>;
  /** The sources of COPY and ADD in the build context. */
  readonly copies: readonly string[];
}

interface Detected<T> {
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

/** Characters to read; the rest is ignored. */
const maxLength = 100_000;

/** Detects the port, health check and copied paths of a Dockerfile. Never throws. */
export function readDockerfile(text: string): Dockerfile {
  const all = instructionsOf(text.slice(0, maxLength));
  const stages = stagesOf(all);
  const last = stages.at(-1) ?? all;
  const variables = variablesOf(all);
  const expand = ({ rest }: Instruction) =>
    rest.replace(
      /\$\{?([A-Za-z_]\w*)(?::-([^}]*))?\}?/g,
      (_, name, fallback) => variables.get(name) ?? fallback ?? '',
    );
  const exposed = last.find(
    ({ name, ...one }) => name === 'EXPOSE' && portIn(expand({ name, ...one })) !== undefined,
  );
  const started = last.filter(({ name }) => name === 'CMD' || name === 'ENTRYPOINT').reverse();
  const listening = started.find((one) => listenerIn(expand(one)) !== undefined);
  const portInstruction = exposed ?? listening;
  const port =
    portInstruction === undefined
      ? undefined
      : exposed
        ? portIn(expand(portInstruction))
        : listenerIn(expand(portInstruction));
  const check = last.findLast(({ name }) => name === 'HEALTHCHECK');
  const request = check === undefined ? undefined : requestIn(expand(check));
  return {
    ...(portInstruction === undefined || port === undefined
      ? {}
      : { port: { value: port, line: portInstruction.line, why: portInstruction.name } }),
    ...(check === undefined || request === undefined || (port !== undefined && request.port !== port)
      ? {}
      : { path: { value: request.path, line: check.line, why: 'HEALTHCHECK' } }),
    copies: all.flatMap(copiedPaths),
  };
}

/** Splits into instructions, joining continued lines. */
function instructionsOf(text: string): readonly Instruction[] {
  const found: { name: string; rest: string; line: number }[] = [];
  let open = false;
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$/.test(row)) continue;
    const continues = /\\\s*$/.test(row);
    const content = row.replace(/\\\s*$/, '').trim();
    const last = found.at(-1);
    if (open && last !== undefined) last.rest += ` ${content}`;
    else {
      const [, name = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(content) ?? [];
      found.push({ name: name.toUpperCase(), rest, line: index + 1 });
    }
    open = continues;
  }
  return found;
}

/** Returns the instructions of each stage, preceded by those of its base stage. */
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
    // Bounds the size of long chains of stages.
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

function copiedPaths({ name, rest }: Instruction): readonly string[] {
  if ((name !== 'COPY' && name !== 'ADD') || /--from=/.test(rest)) return [];
  const words = /^\s*(?:--\S+\s+)*\[/.test(rest)
    ? [...rest.matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)
    : rest.split(/\s+/);
  return words.filter((word) => !word.startsWith('--') && !/:\/\//.test(word)).slice(0, -1);
}

/** Finds the local HTTP request in a command such as `curl -f http://localhost:3000/up || exit 1`. */
export function requestIn(command: string): { readonly port: number; readonly path: string } | undefined {
  const match =
    /\bhttp:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d{1,5}))?(\/[^\s"'|;&)#$]*)?/.exec(
      command,
    );
  // A pipe checks more than the response status.
  if (match === null || /(?<!\|)\|(?!\|)/.test(command) || (match[1] !== undefined && !isPort(match[1])))
    return undefined;
  return { port: Number(match[1] ?? 80), path: match[2] ?? '/' };
}
