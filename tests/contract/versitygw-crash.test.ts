import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { equalBytes } from '../../bundle/bytes.ts';
import { findProgram } from '../../local-minio/find.ts';
import { historyKey } from '../../protocol/keys.ts';
import { listAll } from '../../store/port.ts';
import { itWith } from '../support/components.ts';
import { makeBucket, startVersitygw } from '../support/versitygw-server.ts';
import { node } from './store-contract.ts';

const ID = node(1);
const BYTES = 64 * 1024;
const bodyOf = (slot: number): Uint8Array => new Uint8Array(BYTES).fill(slot % 251);

itWith(
  'versitygw',
  'versitygw has what it acknowledged, and whole objects only, after a SIGKILL',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coatcheck-versitygw-'));
    const program = (await findProgram('versitygw'))!;
    try {
      for (let round = 0; round < 3; round++) {
        const first = await startVersitygw(program, join(folder, `${round}`));
        const bucket = await makeBucket(first, 'crash');
        const store = bucket.store('admin');
        const acknowledged = new Set<number>();
        let slot = 0;
        const writer = async (): Promise<void> => {
          for (;;) {
            const mine = ++slot;
            await store.create(historyKey(ID, mine), bodyOf(mine));
            acknowledged.add(mine);
            if (acknowledged.size === 20 + 7 * round) first.process.kill();
          }
        };
        // Until the server is gone.
        await Promise.allSettled([writer(), writer(), writer(), writer()]);
        await first.process.stop();

        const again = await startVersitygw(program, join(folder, `${round}`), first);
        try {
          const after = bucket.store('root', { endpoint: again.endpoint });
          const found = new Set<number>();
          for await (const { key } of listAll(after, `history/${ID}/`)) {
            const at = Number(key.split('/')[2]);
            const { body } = (await after.get(key, { maxBytes: BYTES }))!;
            expect(equalBytes(body, bodyOf(at))).toBe(true);
            found.add(at);
          }
          expect([...acknowledged].filter((at) => !found.has(at))).toEqual([]);
          await after.create(historyKey(ID, slot + 1), bodyOf(1));
        } finally {
          await again.process.stop();
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
