// @module-tag long
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { runningMinio } from '../support/minio.ts';

let folder: string;
beforeAll(() => {
  // Its own temporary folder, so that what it leaves there is seen.
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-demo-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function demo(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'tests/demo/demo.ts', '--dist', inject('commands'), ...args],
    {
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, told).toBe(0);
  return told;
}

function expectStory(told: string): void {
  expect(told).toMatch(/^(\d+) checks, all of them good$/m);
  expect(told).not.toContain('✗');
  expect(told).toMatch(/of \d+ files, \d+ differ from the image|nobody knows here: no dpkg/);
  // No colours where nobody looks.
  expect(told).not.toContain('\x1b');
  expect(readdirSync(folder).filter((name) => name.startsWith('coatcheck'))).toEqual([]);
}

describe('the demo', () => {
  it('keeps every promise on the filesystem store, and leaves nothing behind', async () =>
    expectStory(await demo([])));
});

describeWith('minio', 'the demo on MinIO', () => {
  it('keeps every promise', async () => {
    const { endpoint, rootUser, rootPassword } = runningMinio();
    const told = await demo(['--store', 'minio'], {
      COATCHECK_MINIO_ENDPOINT: endpoint,
      COATCHECK_MINIO_USER: rootUser,
      COATCHECK_MINIO_PASSWORD: rootPassword,
    });
    expectStory(told);
  });
});
