import {
  createSession,
  emptyMemory,
  findBundle,
  localKey,
  lookAt,
  planApprove,
  sign,
  waiting,
} from '../../admin/index.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import { parseSite } from '../../protocol/site.ts';
import { runVector } from '../vectors/run.ts';
import { parseVector } from '../vectors/vector.ts';

/** What a vector comes to, as `vectorSuite` compares it. */
export const verdictOf = (name: string, text: string): string => runVector(parseVector(name, text));

/** Approves what waits, as a page would. @returns the sequence numbers of the decisions */
export async function approveAll(siteFile: string, seed: Uint8Array): Promise<number[]> {
  const site = parseSite(siteFile, () => undefined);
  const session = await createSession({
    ...{ site, server: site.servers[0]!, key: localKey(deriveIdentity(seed)), program: 'a page' },
    memory: { load: () => Promise.resolve(emptyMemory(site)), add: () => Promise.resolve() },
  });
  const decided: number[] = [];
  for (const { node, digest } of await waiting(session)) {
    const standing = await lookAt(session, node);
    const place = findBundle(standing, digest);
    const wish = { place, reason: 'in a page', showSecrets: false, stat: false };
    const [outcome] = await sign(session, await planApprove(session, standing, wish));
    decided.push(outcome!.seq);
  }
  return decided;
}
