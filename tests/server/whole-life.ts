import { expect } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createFetch } from '../../net/fetch.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { verifyForNode } from '../../protocol/verify.ts';
import { makeStatement, NOTHING, propose, sign } from '../support/site.ts';
import type { TestAdmin } from '../support/site.ts';

/**
 * What a server does for one node of which nothing is known: takes a proposal, shows it, records the decision, gives
 * the node what was approved, and takes its reports.
 */
export async function aWholeLife(of: {
  readonly url: string;
  readonly site: Site;
  readonly admin: TestAdmin;
  readonly node: Identity;
}): Promise<void> {
  const { site, admin, node } = of;
  const { keyset } = site.pinned;
  const clientOf = (identity: Identity): Client =>
    createClient({
      server: of.url,
      site: site.id,
      identity,
      fetch: createFetch(site.ca === undefined ? {} : { ca: site.ca }),
    });
  const ofNode = clientOf(node);
  const ofAdmin = clientOf(admin.identity);

  const { url } = await ofNode.config(node.id);
  expect(await ofNode.get(url, 1e6)).toEqual({ found: false });

  const { bytes, digest } = propose({ keyset, node });
  const asked = { digest: parseDigest(toHex(digest)), size: bytes.length };
  const { key, put } = await ofNode.propose(node.id, asked);
  await ofNode.put(put, bytes);
  expect(await ofNode.put(put, bytes).catch(codeOf)).toBe('already_exists');
  expect(await ofNode.propose(node.id, asked).catch(codeOf)).toBe('waiting');

  const { objects } = await ofAdmin.list({ prefix: 'pending' });
  expect(objects.map((object) => object.key)).toEqual([key]);
  const { urls } = await ofAdmin.read([key]);
  expect(await ofAdmin.get(urls[0]!.url, 1e6)).toEqual({ found: true, body: bytes });

  const statement = makeStatement(keyset, node.id, 'approve', NOTHING, { digest });
  const signed = sign(statement, keyset, admin);
  const encoded = encodeSignedStatement(signed);
  const decided = { slot: 1, published: true };
  expect(await ofAdmin.decide(node.id, encoded, { pending: true }, node.boxKey)).toMatchObject({
    ...decided,
    outcome: 'decided',
  });
  expect(await ofAdmin.decide(node.id, encoded, { pending: true }, node.boxKey)).toMatchObject({
    ...decided,
    outcome: 'already',
  });
  expect(await ofAdmin.list({ prefix: 'pending' })).toEqual({ objects: [] });

  const answer = await ofNode.get(url, 1e6);
  if (!answer.found) throw new Error('nothing is approved');
  const frame = verifyForNode(answer.body, { site, node: node.id, where: 'approved' });
  expect(frame.bundle?.bytes).toEqual(bytes);

  // A report, and the next one over it.
  const proof = encodeFrame({ chain: frame.chain, statement: signed });
  for (const text of ['first', 'second']) {
    const report = new TextEncoder().encode(text);
    const hash = await crypto.subtle.digest('SHA-256', report);
    const reportDigest = parseDigest(toHex(new Uint8Array(hash)));
    const granted = await ofNode.report(node.id, {
      ...{ digest: reportDigest, size: report.length, proof },
    });
    await ofNode.put(granted.put, report, { overwrite: true });
    const [found] = (await ofAdmin.read([granted.key])).urls;
    expect(await ofAdmin.get(found!.url, 4096)).toEqual({ found: true, body: report });
  }
}
