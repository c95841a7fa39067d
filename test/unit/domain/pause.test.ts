import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pauseArchive } from '../../../src/domain/pause.js';

const folder = mkdtempSync(join(tmpdir(), 'oneclick-pause-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the pause program', () => {
  it.each(['linux/amd64', 'linux/arm64/v8'])('is an archive with one executable file for %s', (platform) => {
    const archive = pauseArchive(platform);
    const listed = execFileSync('tar', ['-tv'], { input: archive }).toString();
    expect(listed).toMatch(/^-rwxr-xr-x 0\/0 .* pause\n$/);
  });

  it('runs until it is killed', async () => {
    const { arch } = process;
    const archive = pauseArchive(`linux/${arch === 'x64' ? 'amd64' : arch}`);
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    const timed = () => execFileSync('timeout', ['0.2', join(folder, 'pause')]);
    expect(timed).toThrow(expect.objectContaining({ status: 124 }));
  });

  it('is missing for untested processors', () => {
    expect(pauseArchive('linux/riscv64')).toBeUndefined();
  });
});
