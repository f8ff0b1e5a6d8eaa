import { expect, it, vi } from 'vitest';
import * as platform from '#platform';
import * as portable from './platform/portable.ts';

// The suites of the format once more, on tweetnacl and @noble/hashes, as in a browser.
vi.mock('#platform', () => import('./platform/portable.ts'));

it('runs on the portable platform', () => {
  expect(platform.ed25519Sign).toBe(portable.ed25519Sign);
});

await import('./identity.test.ts');
await import('./dictionary.test.ts');
await import('./seal.test.ts');
await import('./statement.test.ts');
await import('./frame.test.ts');
