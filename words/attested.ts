import type { AttestationFault, AttestedView } from '../admin/attested.ts';
import { quote } from '../bundle/errors.ts';

/** What vouches for a machine, in a line. */
export function attestedText({ image, words, approved, newest, faults }: AttestedView): string {
  if (image === undefined || words === undefined) return 'nothing that can be read';
  const named = `${quote(image.version)} (generation ${image.generation})`;
  const lags = newest === undefined ? '' : `; generation ${newest} is there`;
  if (faults.length > 0)
    return `claims to run image ${named}${lags}; against it: ${faultsText(faults)}`;
  const runs = `this machine runs image ${named}, which the site signed, and its key exists in such images alone${lags}`;
  return approved
    ? `${runs}: by the TPM that was approved`
    : `${runs}: by a TPM seen for the first time, “${words}”: compare that with its console`;
}

/** Which image a machine runs, in few words. */
export function imageShown({ attested }: { readonly attested?: AttestedView }): string {
  const { image, approved = false, newest, faults = [] } = attested ?? {};
  if (image === undefined) return '-';
  const claims = faults.length > 0 || !approved ? 'claims ' : '';
  const lags = newest === undefined ? '' : `, and ${newest} is there`;
  return `${claims}${quote(image.version)} (generation ${image.generation}${lags})`;
}

/** What speaks against it, in a few words. */
export function faultText(fault: AttestationFault): string {
  switch (fault.code) {
    case 'malformed':
      return 'it cannot be read';
    case 'not_restricted':
      return 'its key may sign what no TPM made';
    case 'bad_signature':
      return `the ${fault.of} is not signed by its key`;
    case 'not_bound':
      return `the ${fault.of} was made for something else`;
    case 'other_machine':
      return 'it was made by another machine';
    case 'other_decision':
      return 'it is an old one: another decision was in force then';
    case 'other_text':
      return 'it was made for something else that the machine said';
    case 'not_quoted':
      return 'the quote is about other registers';
    case 'unknown_key':
      return 'the site has no such key that signs images';
    case 'unsigned': {
      const which = fault.registers.map((register) => `PCR ${register}`).join(', ');
      return `nothing that the site signed is about the registers${which === '' ? '' : `: ${which} is not as it should be`}`;
    }
    case 'uncertified':
      return 'the TPM certified another key than one that exists in images of the site alone';
    case 'other_tpm':
      return `another TPM was approved: “${fault.approved}”`;
    case 'fewer_starts':
      return `the TPM was started ${fault.starts} times, and ${fault.approved} when it was approved: it was cleared, or this is an old one`;
  }
}

/** {@link faultText} of each. */
export const faultsText = (faults: readonly AttestationFault[]): string =>
  faults.map(faultText).join('; ');
