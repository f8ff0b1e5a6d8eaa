import type { KeysetWarning } from '../admin/administrators.ts';
import type { Doubt, RecordDoubt } from '../admin/doubt.ts';
import type { Objection, PlanWarning, RecordWarning, ReviewWarning } from '../admin/warning.ts';
import type { ImageFacts } from '../admin/views/bundle.ts';
import { quote, showPath } from '../bundle/errors.ts';
import { showSetting } from '../bundle/settings.ts';
import { faultText } from '../protocol/bootable.ts';
import { mayPass } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { count } from '../protocol/count.ts';
import { endorsementFaultsText, faultsText, knownText } from './attested.ts';
import { ago, when } from './time.ts';
import type { Voice } from './voice.ts';

/** A doubt in one sentence. */
export function doubtText(doubt: Doubt | RecordDoubt): string {
  switch (doubt.code) {
    case 'keyset_hidden':
      return `the server shows keyset ${doubt.shown}, and this tool has seen ${doubt.seen}: a backup was restored or somebody hides the newer one`;
    case 'record_shorter':
      return (
        `the store shows less than this tool has seen (seq ${doubt.shown ?? 'none'} now, ${doubt.seen} before): ` +
        'a backup was restored or its log was cut; find out which before you decide anything'
      );
    case 'record_rewritten':
      return `the store shows another decision number ${doubt.seq} than this tool has seen: somebody rewrote its log`;
  }
}

/** What a change of the administrators brings, in one sentence. */
export function keysetWarningText(warning: KeysetWarning): string {
  switch (warning.code) {
    case 'removes_self':
      return 'this is your own key: another administrator has to sign again what is in force';
    case 'none_spare':
      return `all ${warning.threshold} have to sign then: once one key is lost nobody can decide anything or add anybody`;
    case 'only_one':
      return `${escapeLine(warning.name)} is the only administrator then: if that key is lost, nobody can decide anything or add anybody, and every machine needs a new site`;
  }
}

/** Why a line of a listing has nothing: the store did not answer, or what it gave is no good. */
export const problemText = (code: ErrorCode): string =>
  mayPass(code)
    ? `unreachable: ${code}`
    : code === 'not_a_recipient'
      ? 'cannot be opened: sealed to others than you'
      : `does not verify: ${code}`;

/** Of what a bundle may have tens of thousands, so many are named in one sentence. */
const MAX_NAMED = 200;

function named(names: readonly string[], separator = ', '): string {
  const more = names.length - MAX_NAMED;
  const all = names.slice(0, MAX_NAMED).join(separator);
  return more > 0 ? `${all} and ${more} more` : all;
}

/** What can run or let somebody in. All files are named: a bundle has at most 1,024. */
export function runsNames({
  paths,
  settings,
}: Extract<ReviewWarning, { readonly code: 'runs_by_place' }>): string[] {
  return [
    ...paths.map(showPath),
    ...(settings.length > 0 ? [named(settings.map((name) => `setting ${showSetting(name)}`))] : []),
  ];
}

/** How many can, and which: at most so many are named. */
export function runsText(
  warning: Extract<ReviewWarning, { readonly code: 'runs_by_place' }>,
  most = Infinity,
): string {
  const { paths, settings } = warning;
  const what = [
    ...(paths.length > 0 ? [count(paths.length, 'file')] : []),
    ...(settings.length > 0 ? [count(settings.length, 'setting')] : []),
  ].join(' and ');
  const names = runsNames(warning);
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${what} can run or let somebody in: ${names.slice(0, most).join(', ')}${more}`;
}

/** A warning in one sentence; what is from others is escaped. */
export function warningText(
  warning: RecordWarning | ReviewWarning | PlanWarning,
  voice: Voice = 'terminal',
): string {
  switch (warning.code) {
    case 'junk_slot':
      return `slot ${warning.slot} holds something that does not verify (${warning.reason}); it changes nothing`;
    case 'older_keyset':
      return `what is in force was decided under keyset ${warning.version}, before the pinned ${warning.pinned}: a machine whose image pins that refuses it; decide again`;
    case 'in_force_unreadable':
      return `what is in force cannot be opened (${warning.reason}): everything is shown as new`;
    case 'runs_by_place':
      return runsText(warning);
    case 'may_name':
      return `${count(warning.files, 'file')} may name a program to run`;
    case 'was_refused': {
      const said = warning.reason === '' ? '' : `: “${escapeLine(warning.reason)}”`;
      return `${escapeLine(warning.by.join(', '))} refused the proposal before this one, ${ago(warning.issued)}${said}`;
    }
    case 'empty_password':
      return `without a password: ${named(warning.accounts.map(escapeLine))}`;
    case 'unknown_paths':
      return 'the image of this machine has another list of paths than your site.json: only what is on the built-in list can be approved with it';
    case 'refused_paths':
      return `${count(warning.paths, 'path')} that this node does not accept: it would refuse the bundle`;
    case 'unbootable':
      return `a node refuses this, but for lines that its image has too: ${named(
        warning.faults.map((fault) => escapeLine(faultText(fault))),
        '; ',
      )}`;
    case 'passed_over':
      return `no configuration, and never put in place: ${warning.paths.map(showPath).join(', ')}`;
    case 'key_in_image':
      return 'the key comes from the image: whoever has the image has the key of every node';
    case 'succeeds': {
      const told = `it was ${warning.node}, ${warning.isProven ? 'by the signature of that key' : 'as it claims, and that key did not sign it'}`;
      return `${told}: ${voice === 'page' ? '“Give to a new key” there' : `coatcheck transfer ${warning.node} NEW`} gives it what that has, and an approval does not`;
    }
    case 'not_attested':
      return `what vouches for this machine does not hold: ${faultsText(warning.faults)}`;
    case 'not_vouched':
      return 'the TPM that was approved vouches for nothing of this: which image runs, and where the key is, is its own word; approved, no TPM is any more';
    case 'new_tpm':
      return `it approves the TPM “${warning.words}”, of which nothing was checked here: compare that with the machine's console`;
    case 'bad_endorsement':
      return endorsementFaultsText(warning.faults);
    case 'known_tpm':
      return `it says that the TPM of this machine is known, as whoever made it found: ${knownText(warning.known)}`;
    case 'forgets_tpm':
      return `that the TPM of this machine is known goes with it: ${voice === 'page' ? 'in a terminal, ' : ''}coatcheck renew --known-tpms says it anew`;
    case 'not_there':
      return `there is no ${warning.paths.map(showPath).join(', ')} here: nothing was shown or taken because it was named`;
    case 'revokes_images':
      return `FOR EVER: images before generation ${warning.generation} are revoked on this machine, and nothing takes that back`;
    case 'after_wipe':
      return 'the memory of this machine was wiped, and with this it goes on: ask first by whom, and why';
    case 'recipients':
      return `sealed to ${warning.sealed} recipients instead of ${warning.expected}: it was made under another keyset, and cannot be approved as it is: ${voice === 'page' ? 'in a terminal, coatcheck approve --rebase' : '--rebase'} seals it anew`;
    case 'ends_revoke':
      return `this node is revoked (seq ${warning.seq}, reason "${escapeLine(warning.reason)}"): approving lets it apply a configuration again`;
    case 'ends_reconfigure':
      return 'approving it takes the reconfigure back';
    case 'makes_stale':
      return `${count(warning.proposals, 'proposal')} of it, made before this: stale once this is decided`;
    case 'keeps_expiry':
      return `it is good until ${when(warning.expires)}, as before${voice === 'page' ? '' : ': --expires says another time, or never'}`;
  }
}

/** What stands against an approval that undoes something, in one sentence. */
export function objectionText(
  objection: Extract<Objection, { readonly code: 'stale_base' | 'older_bundle' }>,
): string {
  const { inForce } = objection;
  if (objection.code === 'stale_base') {
    const now = inForce === undefined ? 'nothing' : `seq ${inForce.seq}`;
    return `this proposal was made before what is in force now (${now})`;
  }
  const { type, seq } = objection.decision;
  return `this bundle is of an older decision (${type}, seq ${seq}), and ${inForce?.type ?? 'nothing'} (seq ${inForce?.seq ?? 0}) is in force`;
}

/** What of a review was not shown, and how it is, in one sentence. */
export function unseenText(
  objection: Extract<Objection, { readonly code: 'withheld' | 'cut' }>,
  voice: Voice = 'terminal',
): string {
  const names = objection.paths.map(showPath).join(' ');
  if (objection.code === 'withheld') {
    const said = `nothing was shown of ${names}, which can hold a program`;
    return voice === 'page'
      ? said
      : `${said}: --show-secrets ${names} shows it, --unseen takes one unseen`;
  }
  const settings = objection.settings > 0 ? count(objection.settings, 'setting') : '';
  const what = [settings, names].filter((text) => text !== '').join(' and ');
  const said = `not all was shown of ${what}, which can run something`;
  return voice === 'page'
    ? said
    : `${said}: --full shows it, without --stat, and bundle export writes it down`;
}

/** What a bundle says of its image, in a few words that are not escaped yet; all of it is a claim of its maker. */
export function imageText({ version, baseline, left }: ImageFacts): string {
  return [
    version === undefined ? 'without a version' : quote(version),
    baseline === undefined ? 'without a baseline' : `baseline ${baseline}`,
    `${count(left, 'file')} left to it`,
  ].join(', ');
}
