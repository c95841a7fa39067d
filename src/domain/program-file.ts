/** A sentence about why a program could not be executed, and what to change. */
export interface ProgramProblem {
  readonly cause: string;
  readonly hint: string;
}

/** The start of a tar archive with the program's file. */
interface ProgramFile {
  readonly path: string;
  readonly archive: Buffer;
}

/** `e_machine` of an ELF file, with Docker's name of the platform. */
const machines: Readonly<Record<number, string>> = {
  3: '386',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
};

/**
 * Returns why the engine could not execute a container's program: another platform, Windows line endings, or a missing interpreter.
 * Without the file, it returns what these errors usually mean. `wrongFormat`: the error was `exec format error`.
 */
export function describeProgram(
  file: ProgramFile | undefined,
  { wrongFormat, platform }: { readonly wrongFormat: boolean; readonly platform: string },
): ProgramProblem {
  const path = file?.path ?? 'its entrypoint';
  const data = file === undefined ? undefined : contentOf(file.archive);
  const interpreter =
    data === undefined ? undefined : /^#! *([^\s]+)[^\n]*?(\r?)\n/.exec(data.toString('latin1'));
  if (interpreter?.[2] === '\r')
    return {
      cause: `${path} has Windows line endings (CRLF)`,
      hint: 'convert it to LF, and keep it so: echo "*.sh text eol=lf" >> .gitattributes',
    };
  if (wrongFormat) return formatProblem(path, data, platform);
  if (interpreter?.[1] !== undefined)
    return {
      cause: `${interpreter[1]}, which ${path} names in its first line, is not in the image`,
      hint: `install ${interpreter[1]} in the image, or name another interpreter, such as #!/bin/sh`,
    };
  if (isElf(data))
    return {
      cause: `${path} needs a C library that is not in the image`,
      hint: 'build it in the same distribution, or link it statically: Alpine has musl, most others have glibc',
    };
  return {
    cause: `${path} or its interpreter was not found`,
    hint: 'check that the file is in the image; a script with Windows line endings (CRLF) fails in the same way',
  };
}

function formatProblem(path: string, data: Buffer | undefined, platform: string): ProgramProblem {
  const built = isElf(data) && data.length > 19 ? machines[data.readUInt16LE(18)] : undefined;
  const isText = data !== undefined && data.length > 0 && !isElf(data);
  if (isText)
    return {
      cause: `${path} is a script without an interpreter in its first line`,
      hint: 'begin it with an interpreter, such as #!/bin/sh',
    };
  return {
    cause: `${path} is built for ${built === undefined ? 'another platform' : `linux/${built}`}, and the host is ${platform}`,
    hint: `build the image for the host: docker build --platform ${platform}`,
  };
}

const isElf = (data: Buffer | undefined): data is Buffer =>
  data !== undefined && data.subarray(0, 4).toString('latin1') === '\x7fELF';

const block = 512;

/** Returns the start of the first file in a tar archive, or undefined if there is none. */
function contentOf(archive: Buffer): Buffer | undefined {
  for (let at = 0; at + block <= archive.length; ) {
    const header = archive.subarray(at, at + block);
    const size = Number.parseInt(header.subarray(124, 136).toString('latin1'), 8);
    const type = String.fromCharCode(header[156] ?? 0);
    if (!Number.isInteger(size)) return undefined;
    if (type === '0' || type === '\0') return archive.subarray(at + block, at + block + size);
    // Extended headers come before the file.
    if (type !== 'x' && type !== 'g' && type !== 'L') return undefined;
    at += block + Math.ceil(size / block) * block;
  }
  return undefined;
}
