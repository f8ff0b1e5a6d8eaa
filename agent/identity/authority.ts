import { join } from 'node:path';
import { pcrKeysOf } from '../../protocol/measured.ts';
import { MAX_POLICY_FILE_BYTES, parsePolicies } from '../../protocol/policies.ts';
import type { Site } from '../../protocol/site.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { readLocalFileNow } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { readImage } from '../tree/image.ts';
import type { Authority } from './tpm/policy.ts';

/** Where systemd's stub puts the section `.pcrsig` of its file (systemd-stub(7)). */
const FILE = '.extra/tpm2-pcr-signature.json';

/**
 * What opens what a TPM keeps for this image, by key of the site, the one that signs now first. None where this image is not
 * signed, or its site binds no keys: then a TPM's key is bound to no image. That is the image's to say, and not of what is found
 * beside it: another answer makes another machine.
 * @param root path of the machine's root
 * @throws key_refused for an image without what the site's keys sign; file_malformed
 */
export function readAuthorities(site: Site, root: string): Authority[] {
  if (site.pcrKeys === undefined || readImage(root).commandLine === undefined) return [];
  const path = join(root, FILE);
  try {
    const { content } = readLocalFileNow(path, { maxBytes: MAX_POLICY_FILE_BYTES });
    const file = parsePolicies(textIn(content, path), path);
    return pcrKeysOf(site).map((key) => ({ key, file }));
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'key_refused',
      "this image has no policies for the machine's TPM, which keeps key and memory from it: coatcheck image sign adds them to one with stateless, and coatcheck.key=tpm or coatcheck.memory=tpm, on its command line, and without rescue",
      { cause: error },
    );
  }
}
