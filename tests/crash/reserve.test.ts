import * as fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { codeOf } from '../../protocol/errors.ts';
import { digestHex, historyKey, parseNodeId, pendingKey } from '../../protocol/keys.ts';

const NODE = parseNodeId('a'.repeat(32));
const BASE = 'http://store.invalid';

/** A tmpfs of so many bytes and names; undefined where this user may not mount one. */
function mountTmpfs(size: string, names: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-reserve-'));
  try {
    const options = `size=${size},nr_inodes=${names}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
    return path;
  } catch {
    fs.rmdirSync(path);
    return undefined;
  }
}

describe.each([
  ['bytes', '4m', 100_000, 64 * 1024],
  ['names', '64m', 400, 1],
])('a folder whose disk runs out of %s', (_, size, names, bytes) => {
  it('takes no more of any node before the end, and decisions go on', async (context) => {
    const disk = mountTmpfs(size, names);
    if (disk === undefined) {
      context.skip('mounting a small tmpfs needs root on Linux');
      return;
    }
    try {
      const opened = await openFolder(join(disk, 'store'), { create: true });
      const { upload, admin } = opened.access({ baseUrl: BASE });
      const handle = opened.objects!({});
      const put = async (body: Uint8Array): Promise<number> => {
        const digest = sha256(body);
        const options = { size: body.length, sha256: digest, expiresInSeconds: 60 };
        const { url, headers } = await upload.signer.signPut(
          pendingKey(NODE, digestHex(digest)),
          options,
        );
        const init = { method: 'PUT', headers, body: Uint8Array.from(body) };
        return (await handle(new Request(url, init))).status;
      };
      let uploads = 0;
      let status = 200;
      while (status === 200) {
        const body = new Uint8Array(bytes).fill(7);
        body.set(utf8(`${++uploads}`).subarray(0, bytes));
        if (bytes === 1) body[0] = uploads % 256;
        status = await put(bytes === 1 ? utf8(`${uploads}`) : body);
      }
      expect(status).toBe(507);
      expect(await upload.store.demandRoom!(bytes).catch(codeOf)).toBe('store_full');
      // What is kept takes some decisions of the largest kind.
      for (let slot = 1; slot <= 3; slot++) {
        await admin.store.create(historyKey(NODE, slot), new Uint8Array(bytes));
      }
      const { objects } = await admin.store.list('pending/');
      expect(objects).toHaveLength(uploads - 1);
      // And room that is made is room for nodes again.
      for (const { key } of objects) await admin.store.delete(key);
      expect(await put(utf8('again'))).toBe(200);
    } finally {
      execFileSync('umount', [disk]);
      fs.rmdirSync(disk);
    }
  });
});
