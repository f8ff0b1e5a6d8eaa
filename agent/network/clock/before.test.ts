import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeFrom } from '../../../tests/support/thrown.ts';
import { stateOfThisBoot } from '../../tree/state-place.ts';
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

it('is never read from what is damaged or a link, and replaces it', () => {
  const root = fs.mkdtempSync(join(tmpdir(), 'coatcheck-clock-'));
  const kept = keptBefore(stateOfThisBoot(root), () => 1000);
  const file = join(root, 'run/coatcheck/clock.json');
  fs.mkdirSync(join(root, 'run/coatcheck'), { recursive: true });
  fs.writeFileSync(join(root, 'elsewhere'), '{"coatcheck":"clock/1","said":0,"uptime":0}');
  fs.symlinkSync('../../elsewhere', file);
  expect(codeFrom(() => kept.now())).toBe('path_refused');
  kept.keep(7);
  expect([kept.now(), fs.lstatSync(file).isFile()]).toEqual([7, true]);
  fs.writeFileSync(file, '{"coatcheck":"clock/1","said":1e300,"uptime":0}');
  expect(codeFrom(() => kept.now())).toBe('file_malformed');
  fs.rmSync(root, { recursive: true });
});
