/** The image of a container that does nothing: one program of about 150 bytes that waits forever. */
export const pauseImage = 'oneclick/pause:1';

/** The path of the program in the image. */
export const pauseProgram = '/pause';

/** Machine code by Docker's architecture name, with the ELF machine number. */
const programs: Readonly<Record<string, { readonly machine: number; readonly code: readonly number[] }>> = {
  // mov eax, 34 (pause); syscall; jmp to the start
  amd64: { machine: 62, code: [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7] },
  // mov x0..x3, 0; mov x8, 73 (ppoll of nothing, without a timeout); svc 0; b to the start
  arm64: {
    machine: 183,
    code: [0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800928, 0xd4000001, 0x17fffffa].flatMap(
      (word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24],
    ),
  },
};

/** Returns the image's file system as a tar archive, or undefined if there is no program for the platform (`linux/amd64`). */
export function pauseArchive(platform: string): Buffer | undefined {
  const file = pauseFile(platform);
  return file === undefined ? undefined : tar(pauseProgram.slice(1), file);
}

/** Returns the program's executable file, or undefined as {@link pauseArchive} does. */
export function pauseFile(platform: string): Buffer | undefined {
  const program = programs[platform.split('/')[1] ?? ''];
  return program === undefined ? undefined : elf(program.machine, Buffer.from(program.code));
}

/** A static executable (elf(5)): a file header, one segment that holds the whole file, the code. */
function elf(machine: number, code: Buffer): Buffer {
  const base = 0x400000n;
  const size = BigInt(120 + code.length);
  const head = Buffer.alloc(120);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(base + 120n, 24);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  // Segment flags: load, read, execute.
  head.writeUInt32LE(1, 64);
  head.writeUInt32LE(5, 68);
  head.writeBigUInt64LE(base, 80);
  head.writeBigUInt64LE(base, 88);
  head.writeBigUInt64LE(size, 96);
  head.writeBigUInt64LE(size, 104);
  head.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([head, code]);
}

/** An archive of one executable file (POSIX ustar). */
function tar(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write('0000755\0', 100);
  head.write('0000000\0', 108);
  head.write('0000000\0', 116);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  head.write(`${'0'.repeat(11)}\0`, 136);
  head.write('        0', 148);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([head, content, padding, Buffer.alloc(1024)]);
}
