import { expect, it, vi } from 'vitest';
import * as platform from '#platform';
import * as portable from '../../bundle/platform/portable.ts';
import { vectorSuite } from './suite.ts';

// The same corpus on tweetnacl and @noble/hashes, as in a browser: no verdict may differ.
vi.mock('#platform', () => import('../../bundle/platform/portable.ts'));

it('runs on the portable platform', () => {
  expect(platform.ed25519VerifyRaw).toBe(portable.ed25519VerifyRaw);
});

vectorSuite('tweetnacl');
