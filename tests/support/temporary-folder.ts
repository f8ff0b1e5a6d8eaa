import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Makes an empty folder for each test that follows in a file, and says where; it is gone after it. */
export function withTemporaryFolder(purpose: string, made: (folder: string) => unknown): void {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), `coatcheck-${purpose}-`));
    made(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
}
