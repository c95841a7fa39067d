import { describe, expect, it } from '@jest/globals';
import { describeProgram } from '../../../src/domain/program-file.js';
import { tarOf } from '../../fakes/tar.js';

const elf = (machine: number) => {
  const data = Buffer.alloc(64);
  data.write('\x7fELF', 0, 'latin1');
  data.writeUInt16LE(machine, 18);
  return data.toString('latin1');
};

const causeOf = (data: string, wrongFormat: boolean) =>
  describeProgram(
    { path: '/app', archive: Buffer.concat([tarOf([{ path: 'app', type: 'File', data }])]) },
    { wrongFormat, platform: 'linux/amd64' },
  ).cause;

describe('a program that could not be executed', () => {
  it('is a script without interpreter, or for another platform', () => {
    expect(causeOf('echo hello\n', true)).toBe('/app is a script without an interpreter in its first line');
    expect(causeOf('', true)).toBe('/app is built for another platform, and the host is linux/amd64');
    expect(causeOf(elf(40), true)).toBe('/app is built for linux/arm, and the host is linux/amd64');
  });

  it('has no interpreter, or no C library', () => {
    expect(causeOf('#! /usr/bin/env bash\n', false)).toBe(
      '/usr/bin/env, which /app names in its first line, is not in the image',
    );
    expect(causeOf('#!/bin/sh -e\r\n', false)).toBe('/app has Windows line endings (CRLF)');
    expect(causeOf(elf(62), false)).toBe('/app needs a C library that is not in the image');
    expect(causeOf('hello\n', false)).toBe('/app or its interpreter was not found');
  });

  it('is not described from an archive that makes no sense', () => {
    const file = { path: '/app', archive: Buffer.alloc(4096) };
    expect(describeProgram(file, { wrongFormat: false, platform: 'linux/amd64' }).cause).toContain(
      'not found',
    );
    expect(describeProgram(undefined, { wrongFormat: false, platform: 'linux/amd64' }).cause).toBe(
      'its entrypoint or its interpreter was not found',
    );
  });
});
