import type { AttestationFault, AttestedView } from '../admin/attested.ts';
import type { EndorsementFault, EndorsementView } from '../admin/endorsed.ts';
import { quote } from '../bundle/errors.ts';
import type { KnownBy } from '../protocol/endorsement.ts';
import { escapeLine } from '../protocol/escape.ts';

/** What vouches for a machine, in a line. */
export const attestedText = (view: AttestedView): string =>
  `${vouchedText(view)}${changedText(view)}`;

/** What of PCR 7 is another than when its TPM was approved. */
function changedText({ changed }: AttestedView): string {
  if (changed === undefined) return '';
  const which = changed.length > 0 ? `: ${changed.map(quote).join(', ')}` : '';
  return `; since its TPM was approved, PCR 7 (Secure Boot) became another${which}`;
}

function vouchedText(view: AttestedView): string {
  const { image, words, approved, known, unanswered = false, newest, faults } = view;
  if (image === undefined || words === undefined) return 'nothing that can be read';
  const named = `${quote(image.version)} (generation ${image.generation})`;
  const lags = newest === undefined ? '' : `; generation ${newest} is there`;
  if (faults.length > 0)
    return `claims to run image ${named}${lags}; against it: ${faultsText(faults)}`;
  const nowhere = known === undefined ? '' : ', and nowhere else';
  const runs = `this machine runs image ${named}, which the site signed, and its key exists in such images alone${nowhere}${lags}`;
  if (!approved)
    return `${runs}: by a TPM seen for the first time, “${words}”: compare that with its console`;
  if (known !== undefined) return `${runs}: by the TPM that was approved, and ${knownText(known)}`;
  const only = `${runs}: by the TPM that was approved`;
  return unanswered
    ? `${only}, which has not shown yet that it is the one that is known`
    : `${only}: whether that is a chip, nobody looked`;
}

/** Who knows a TPM. */
export const knownText = (known: KnownBy): string =>
  known.by === 'list'
    ? 'the site lists it by its key'
    : `“${escapeLine(known.subject)}” certified it (SHA-256 ${known.sha256})`;

/** The key by which a machine's TPM may be known, in a line. */
export function endorsementText({ key, certificate, known, faults }: EndorsementView): string {
  if (key === undefined) return 'nothing that can be read';
  if (faults.length > 0) return `${key}; against it: ${endorsementFaultsText(faults)}`;
  if (known !== undefined) return `${key}: ${knownText(known)}`;
  return certificate === 0
    ? `${key}, without a certificate, and known to nobody`
    : `${key}, with a certificate of which nothing was checked`;
}

/** What speaks against what a bundle says of the key by which its TPM may be known. */
export const endorsementFaultsText = (faults: readonly EndorsementFault[]): string =>
  faults.map(({ code }) => ENDORSEMENT_FAULTS[code]).join('; ');

const ENDORSEMENT_FAULTS: Readonly<Record<EndorsementFault['code'], string>> = {
  malformed: "what the machine says of its TPM's endorsement key cannot be read",
  malformed_activation: 'who knows its TPM cannot be read, and counts for nothing',
  other_tpm: 'who knows its TPM says so of another TPM, and that counts for nothing',
};

/** Which image a machine runs, in few words. */
export function imageShown({ attested }: { readonly attested?: AttestedView }): string {
  const { image, approved = false, known, newest, faults = [] } = attested ?? {};
  if (image === undefined) return '-';
  const claims = faults.length > 0 || !approved ? 'claims ' : '';
  const lags = newest === undefined ? '' : `, and ${newest} is there`;
  const sure = known === undefined ? '' : ', TPM known';
  return `${claims}${quote(image.version)} (generation ${image.generation}${lags}${sure})`;
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
    case 'not_replayed':
      return `its event log gives another ${namedRegisters(fault.registers)} than it shows`;
    case 'unknown_key':
      return 'the site has no such key that signs images';
    case 'unsigned': {
      const which = namedRegisters(fault.registers);
      return `nothing that the site signed is about the registers${which === '' ? '' : `: ${which} is not as it should be`}`;
    }
    case 'uncertified':
      return 'the TPM certified another key than one that exists in images of the site alone';
    case 'other_tpm':
      return `another TPM was approved: “${fault.approved}”`;
    case 'fewer_starts':
      return `the TPM was started ${fault.starts} times, and ${fault.approved} when it was approved: it was cleared, or this is an old one`;
    case 'wrong_answer':
      return 'the TPM is not the one that is known: its answer is wrong';
  }
}

const namedRegisters = (registers: readonly number[]): string =>
  registers.map((register) => `PCR ${register}`).join(', ');

/** {@link faultText} of each. */
export const faultsText = (faults: readonly AttestationFault[]): string =>
  faults.map(faultText).join('; ');
