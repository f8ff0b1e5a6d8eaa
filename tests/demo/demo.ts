import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { attacks } from './chapters/attacks.ts';
import { end } from './chapters/end.ts';
import { firstBoot } from './chapters/first-boot.ts';
import { orders } from './chapters/orders.ts';
import { makeSite } from './chapters/site.ts';
import { update } from './chapters/update.ts';
import { openLab } from './lab.ts';
import type { DemoOptions, Lab } from './lab.ts';
import { STORAGE_KINDS } from './storage.ts';

/**
 * `npm run demo [-- --store filesystem|minio] [--keep]`: the main job, done with the real commands
 * in a temporary folder, and told as it happens. Exits 1 if any check failed.
 */
const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'filesystem' },
    keep: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
  },
});

async function tell(lab: Lab): Promise<void> {
  await makeSite(lab);
  const booted = await firstBoot(lab);
  const edited = await update(lab, booted);
  await orders(lab, booted, edited);
  await attacks(lab, booted);
  await end(lab, booted);
}

async function main(options: DemoOptions): Promise<number> {
  const lab = await openLab(options);
  const { keep } = values;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void lab.close({ keep }).finally(() => process.exit(130)));
  }
  try {
    await tell(lab);
  } catch (error) {
    lab.narrator.check('the story goes on', false, messageOf(error));
  } finally {
    await lab.close({ keep });
  }
  const { passed, failed } = lab.narrator.result();
  console.log(
    `\n${passed + failed} checks, ${failed === 0 ? 'all of them good' : `${failed} FAILED`}`,
  );
  if (keep) console.log(`everything is in ${lab.folder}`);
  console.log(NEXT);
  return failed === 0 ? 0 : 1;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const NEXT = `
Try next:
  npm run demo -- --keep                the same, and the folder stays for a look around
  npm run demo -- --store minio         the same, on an S3 server
  node dist/coatcheck.mjs init          a site of your own, in ./coatcheck-site
  node dist/coatcheck.mjs serve         its server, on http://127.0.0.1:8420
  node dist/coatcheck-agent.mjs --help  a machine's side`;

const store = STORAGE_KINDS.find((kind) => kind === values.store);
if (store === undefined) {
  console.error(`demo: --store is ${STORAGE_KINDS.join(' or ')}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await main({ store, dist: resolve(values.dist) });
  } catch (error) {
    console.error(`demo: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
