import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stateOfThisBoot } from '../tree/state-place.ts';
import { keptBefore } from './before.ts';

it('goes on with the time of the machine, in whichever process, until it is forgotten', () => {
  const root = fs.mkdtempSync(join(tmpdir(), 'coatcheck-clock-'));
  let up = 1000.7;
  const kept = (): ReturnType<typeof keptBefore> => keptBefore(stateOfThisBoot(root), () => up);
  expect(kept().now()).toBeUndefined();
  kept().forget();
  kept().keep(-86_400);
  up += 60;
  expect(kept().now()).toBe(-86_340);
  kept().forget();
  expect(kept().now()).toBeUndefined();
  fs.rmSync(root, { recursive: true });
});
