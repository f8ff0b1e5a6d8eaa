import type { TestProject } from 'vitest/node';

/** A running MinIO for the whole run, or why there is none. */
export type MinioForTests =
  { endpoint: string; rootUser: string; rootPassword: string } | { missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    minio: MinioForTests;
  }
}

export default function setup(project: TestProject): void {
  project.provide('minio', { missing: 'not looked for yet' });
}
