import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '../../files/lock.ts';
import type { LockPlace } from '../../files/lock.ts';

/**
 * Another process, for the tests: `lock-process.ts PLACE` takes a lock and keeps it until it is killed,
 * or for a second. It prints when it took it and when it lets go (milliseconds).
 */
const place = JSON.parse(process.argv[2]!) as LockPlace;
await withLock(place, async () => {
  console.log(Date.now());
  await sleep(1000);
  console.log(Date.now());
});
