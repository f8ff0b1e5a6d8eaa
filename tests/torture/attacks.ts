import { encodeFrame } from '../../bundle/frame.ts';
import { hasCode } from '../../protocol/errors.ts';
import { approvedKey, historyKey } from '../../protocol/keys.ts';
import { overwrite } from '../contract/approval/faulty-store.ts';
import { boot, sendForged, upload } from './actions.ts';
import { recordOf } from './judge.ts';
import { nameOf } from './ledger.ts';
import type { Scene } from './scene.ts';
import { forgedRequest, frameOf } from './signers.ts';
import { readSlots } from './stage.ts';
import type { Subject } from './subject.ts';

/** Somebody who writes the bucket, and has every request that was ever sent. */
export async function attack(scene: Scene, subject: Subject): Promise<string> {
  const attacks = await attacksOn(scene, subject);
  const name = scene.random.pick(Object.keys(attacks))!;
  try {
    await attacks[name]!();
    return name.endsWith('shown') ? `${name}: ${await boot(scene, subject)}` : name;
  } catch (error) {
    if (hasCode(error, 'already_exists', 'precondition_failed')) return `${name}, too late`;
    throw error;
  }
}

/** What there is to do about this node now. */
async function attacksOn(
  scene: Scene,
  subject: Subject,
): Promise<Record<string, () => Promise<unknown>>> {
  const { random } = scene;
  const { bucket } = scene.stage;
  const { ledger } = subject;
  const slots = await readSlots(bucket, ledger.node);
  const record = recordOf(slots, ledger);
  let free = (record.at(-1)?.slot ?? 0) + 1;
  while (slots.has(free)) free++;
  const slot = historyKey(ledger.node, free + random.below(2));
  const junk = new Uint8Array(100).fill(random.below(256));
  const forgery = (): Uint8Array => {
    const { statement } = forgedRequest(scene, subject, record);
    return frameOf(scene, subject, statement) ?? junk;
  };
  const attacks: Record<string, () => Promise<unknown>> = {
    'junk in a slot': () => bucket.create(slot, junk),
    'a forgery in a slot': () => bucket.create(slot, forgery()),
    'a forged request': () => sendForged(scene, subject, forgedRequest(scene, subject, record)),
  };
  const uploaded = random.pick(subject.proposed);
  if (uploaded !== undefined) attacks['an upload again'] = () => upload(scene, subject, uploaded);
  const stolen = random.pick(subject.requests)?.statement;
  const frame = stolen && frameOf(scene, subject, stolen);
  if (frame !== undefined) {
    attacks['a signed statement in a slot'] = () => {
      ledger.signed.get(nameOf(stolen!))!.planted = true;
      return bucket.create(slot, frame);
    };
  }
  if (!ledger.copiesAttacked) return attacks;
  const shown = approvedKey(ledger.node);
  const older = random.pick(record);
  attacks['junk shown'] = () => overwrite(bucket, shown, junk);
  attacks['a forgery shown'] = () => overwrite(bucket, shown, forgery());
  attacks['nothing shown'] = () => bucket.delete(shown);
  if (older !== undefined) {
    const bytes = encodeFrame(older.frame);
    attacks['an older entry shown'] = () => overwrite(bucket, shown, bytes);
  }
  return attacks;
}
