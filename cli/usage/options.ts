import { STORE_OPTIONS } from '../../functions/stores/options.ts';
import type { Option } from '../../usage/table.ts';
import { DEFAULT_HOME } from '../home.ts';

/** Those that every command takes. */
export const COMMON = [
  {
    name: 'home',
    value: '<folder>',
    about: "the administrator's folder of one site",
    more: "the administrator's folder of one site ([Files](#files))",
    env: 'COATCHECK_HOME',
    default: DEFAULT_HOME,
    example: '--home ~/sites/grid',
  },
  {
    name: 'server',
    value: '<url>',
    about: 'the server to ask; default: the first that the site names',
    more: 'the server to ask, with the path below which it answers, if it has one; default: the first that `site.json` names. With `init`: the one to write there, default `http://127.0.0.1:8420`',
    env: 'COATCHECK_SERVER',
    example: '--server https://cfg.example',
  },
  {
    name: 'passphrase-file',
    value: '<file>',
    about: 'read the passphrase of the admin key from a 0600 file',
    more: 'a 0600 file with the passphrase of the admin key. Without it: `--passphrase-command`, else `COATCHECK_PASSPHRASE`, else it is asked for',
    excludes: ['passphrase-command'],
    example: '--passphrase-file ~/.cc-pass',
  },
  {
    name: 'passphrase-command',
    value: '<command>',
    about: 'the first line that a command says is the passphrase of the admin key',
    more: 'a command for the shell, of which the first line on stdout is the passphrase of the admin key. It may ask at the terminal; one that fails, says nothing or takes two minutes is an error',
    env: 'COATCHECK_PASSPHRASE_COMMAND',
    example: "--passphrase-command 'pass show coatcheck'",
  },
  {
    name: 'json',
    about: 'print one JSON document on stdout',
    example: 'coatcheck --json pending',
  },
] as const satisfies readonly Option[];

/** Of what writes the admin key. */
export const NO_PASSPHRASE = {
  name: 'no-passphrase',
  about: 'keep the admin key in the clear',
  example: 'init --no-passphrase',
} as const satisfies Option;

/** Of what shows a difference. */
export const DIFFERENCE = [
  {
    name: 'show-secrets',
    value: '[path...]',
    about: 'show what is masked otherwise, in these files or in all',
    more: 'show what is masked or withheld otherwise: in the files of these paths (words with a `/`), or without a path in all',
    example: 'diff web1 --show-secrets etc/shadow',
  },
  {
    name: 'full',
    about: 'show all of it, however long',
    more: 'show all of it: without a pager, 4,000 lines are shown, what executes first',
    example: 'diff web1 --full',
  },
  {
    name: 'stat',
    about: 'name the files that change, and not their contents',
    more: 'name the files that change, and not their contents; what can run something is not signed then',
    example: 'diff web1 --stat',
  },
] as const satisfies readonly Option[];

/** Of what puts in force what it shows. */
export const UNSEEN = {
  name: 'unseen',
  value: '<path>',
  repeatable: true,
  about: 'take this file although nothing of it is shown',
  more: 'a file that is secret in no format that is known, to be taken although nothing of it was shown (`not_shown` otherwise)',
  example: 'approve web1 --unseen etc/ssl/private/x',
} as const satisfies Option;

/** Of what is about many nodes. */
export const WHERE = {
  name: 'where',
  value: '<filter>',
  about: 'those nodes, of the named or of all, that a filter lets through (status --help)',
  more: 'those nodes, of the named or of all, that a filter lets through ([Which nodes](#which-nodes))',
  example: "--where 'state=waiting name~gx*'",
} as const satisfies Option;

/** Of what decides about many nodes: which, by a list from elsewhere, or how many. */
export const EXPECT = {
  name: 'expect',
  value: '<file>',
  about: 'ids and words from elsewhere: those nodes are meant; or a number: so many are',
  more: 'a file with an id or the eight words of a node on each line, made elsewhere: those nodes are meant, as far as they are there. Or a number: how many are meant, and with another number nothing is signed (`revoke` and `transfer` of more than one need it beside `--yes`)',
  example: 'approve --expect rack7.txt',
} as const satisfies Option;

/** Of what decides about many nodes: which are meant. */
export const MEANT = [WHERE, EXPECT] as const satisfies readonly Option[];

/** Of what asks a person. */
export const YES = {
  name: 'yes',
  about: 'sign without asking',
  more: 'sign without asking, for scripts; needed with `--json`',
  example: 'approve o5uv7tidtt22pyfj --yes',
} as const satisfies Option;

/** Of what asks before it signs. */
export const CONSENT = [
  YES,
  {
    name: 'despite-memory',
    about: 'with --yes, although the store shows less than was seen before',
    more: 'with `--yes`: sign although the store shows less than this tool has seen before (`record_doubtful` otherwise). After a restore from a backup, once you know that it was one',
    example: '--yes --despite-memory',
  },
] as const satisfies readonly Option[];

const AS_SIGNED = "signed with the decision, shown on the node's console; up to 200 bytes";

/** Of what signs a decision. */
export const REASON = {
  name: 'reason',
  value: '<text>',
  about: AS_SIGNED,
  more: `${AS_SIGNED}. Needed for \`reject\` and \`revoke\``,
  example: "--reason 'rack 7'",
} as const satisfies Option;

/** Of what tells a node no. */
export const NEEDED_REASON = { ...REASON, required: true } as const satisfies Option;

/** Of what puts a bundle in force. */
export const EXPIRES = {
  name: 'expires',
  value: '<when>',
  about: 'until when it is good: 90m, 12h, 30d, 8w, 2027-01-31, 2027-01-31T12:00Z, never',
  more: 'until when it is good: `90m`, `12h`, `30d`, `8w`, `2027-01-31`, `2027-01-31T12:00:00Z`, `never`. What is put in force again keeps its end without it, and needs it where that is over',
  example: '--expires 30d',
} as const satisfies Option;

/** Of what puts a file into a bundle: as it is there, unless told otherwise. */
export const ATTRIBUTES = [
  {
    name: 'mode',
    value: '<mode>',
    about: 'its mode, octal; default: as it is, and of a new file 0644',
    more: 'its mode, octal. Without it a file that is there keeps its own; a new one has `0644`, or `0600` where a list of paths says that it is secret',
    example: '--mode 0440',
  },
  {
    name: 'owner',
    value: '<user:group>',
    about: 'whom it belongs to; default: as it is, and of a new file root:root',
    more: "whom it belongs to: `user`, `user:group` or `:group`. Their numbers are those of the node's own `etc/passwd` and `etc/group` in the bundle, or of another of its files; where none says it, `user=998:group=996` does",
    example: '--owner chrony:chrony',
  },
] as const satisfies readonly Option[];

/** Of what reaches the store itself. */
export const STORE = STORE_OPTIONS satisfies readonly Option[];

/** Of what tells somebody when something waits or is wrong. */
export const NOTIFY = [
  {
    name: 'notify-url',
    value: '<url>',
    repeatable: true,
    about: 'a webhook that is told when something waits or is wrong',
    more: 'a webhook that is told when something waits or is wrong, by a signed POST of JSON ([docs/admin.md](admin.md#told-when-something-waits))',
    example: '--notify-url https://hooks.example/x7',
  },
  {
    name: 'notify-command',
    value: '<command>',
    repeatable: true,
    about: 'a command of the shell that is told the same as JSON on stdin',
    more: 'a command of the shell that is told the same, as JSON on stdin: at most once a minute, and again until it ends with 0',
    example: "--notify-command 'jq -r .text | mail -s coatcheck root'",
  },
] as const satisfies readonly Option[];
