import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findProgram } from '../../local-minio/find.ts';
import { startVersitygw } from './versitygw-server.ts';
import type { Versitygw } from './versitygw-server.ts';

/** A running versitygw for the whole run, or why there is none. */
export type VersitygwForTests = Versitygw | { missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    versitygw: VersitygwForTests;
  }
}

/** Starts one versitygw on a temporary folder, if one is at hand. Its log is kept if a test fails. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const program = await findProgram('versitygw');
  if (program === undefined) {
    project.provide('versitygw', { missing: 'not found; `npm run versitygw` builds one' });
    return () => Promise.resolve();
  }
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-versitygw-'));
  const { process, ...versitygw } = await startVersitygw(program, folder);
  project.provide('versitygw', versitygw);
  return async () => {
    await process.stop();
    await rm(folder, { recursive: true, force: true });
    if (project.vitest.state.getCountOfFailedTests() === 0) return;
    const log = join(tmpdir(), 'coatcheck-versitygw.log');
    await writeFile(log, process.said());
    console.error(`the last that versitygw said is in ${log}`);
  };
}
