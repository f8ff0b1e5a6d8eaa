import { shutDoor } from '../boot/door.ts';
import type { Node } from '../boot/node.ts';
import { createSystemctl } from '../systemd/systemctl.ts';

/**
 * The last step of a start: a key that is bound to the image is out of reach of what runs from here on, and nothing is asked
 * until the machine starts anew (docs/adr/0315).
 * @throws device_failed
 */
export async function endBoundKey(node: Node): Promise<void> {
  if (!shutDoor(node)) return;
  const systemctl = createSystemctl(node.rootPath);
  if (systemctl.isLive) await systemctl.ask('stop', '--', 'coatcheck-refresh.timer');
  node.console.note(
    "the TPM keeps this machine's key until it starts anew: what is approved from here on is applied then",
  );
}
