import { STORE_OPTIONS } from '../../functions/stores/options.ts';
import type { Option } from '../../usage/table.ts';

/** Those that every command takes. */
export const COMMON = [
  {
    name: 'home',
    value: '<folder>',
    about: "the administrator's folder of one site",
    more: "the administrator's folder of one site ([Files](#files))",
    env: 'COATCHECK_HOME',
    default: 'coatcheck-site',
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
    more: 'a 0600 file with the passphrase of the admin key. Without it: `COATCHECK_PASSPHRASE`, else it is asked for',
    example: '--passphrase-file ~/.cc-pass',
  },
  {
    name: 'json',
    about: 'print one JSON document on stdout',
    example: 'coatcheck --json pending',
  },
] as const satisfies readonly Option[];

/** Of what shows a difference. */
export const DIFFERENCE = [
  {
    name: 'show-secrets',
    about: 'show what is masked otherwise',
    example: 'diff b5p2 --show-secrets',
  },
  {
    name: 'stat',
    about: 'name the files that change, and not their contents',
    example: 'approve b5p2 --stat',
  },
] as const satisfies readonly Option[];

/** Of what asks before it signs. */
export const CONSENT = [
  {
    name: 'yes',
    about: 'sign without asking',
    more: 'sign without asking, for scripts; needed with `--json`',
    example: 'approve b5p2 --yes',
  },
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

/** Of what reaches the store itself. */
export const STORE = STORE_OPTIONS satisfies readonly Option[];
