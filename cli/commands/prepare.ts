import { bundlePath } from '../../admin/alter.ts';
import { planPrepare } from '../../admin/prepare.ts';
import { checkReason } from '../../admin/plan.ts';
import { fromBase64Url } from '../../bundle/base64.ts';
import { CoatcheckError, nodeIdOf } from '../../bundle/index.ts';
import type { FileEntry, PublicKeys } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { hostnameIn, HOSTNAME_FILE } from '../../protocol/bootable.ts';
import { fail } from '../../protocol/errors.ts';
import { pathList } from '../../protocol/paths.ts';
import { parseExpiry } from '../../words/time.ts';
import { warningText } from '../../words/warnings.ts';
import { confirmWords } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { filesIn } from '../folder-files.ts';
import { lookToDecide } from '../look.ts';
import { printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { parseSetting } from '../../words/setting.ts';
import { signConsented } from './outcome.ts';

const MAX_KEYS_BYTES = 4096;

/** `coatcheck prepare FILE FOLDER`: approve a configuration for a machine that never booted. */
export async function prepare(
  context: Context,
  file: string,
  folder: string,
  options: ConsentFlags &
    ReviewFlags & {
      readonly words?: string;
      readonly set: readonly string[];
      readonly reason?: string;
      readonly expires?: string;
    },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const keys = parseKeys(
    textIn(await readLocalFile(file, { maxBytes: MAX_KEYS_BYTES }), file),
    file,
  );
  const settings = new Map(options.set.flatMap((text) => [...parseSetting(text)]));
  const session = await openSession(context);
  const list = pathList(session.site.paths);
  const files = await filesIn(folder, (path) => list.traitsOf(path)?.secret === true);
  const name = hostnameOf(files);
  if (name !== undefined && !settings.has('hostname')) settings.set('hostname', name);
  const node = nodeIdOf(keys);
  const plan = await planPrepare(
    session,
    await lookToDecide(session, terminal, node),
    { keys, files, settings: new Map([...settings].filter(([, value]) => value !== '')) },
    {
      ...shownBy(terminal, options),
      ...{ reason, unseen: (options.unseen ?? []).map(bundlePath) },
      ...(options.expires !== undefined && {
        expires: parseExpiry(options.expires, session.client.now()),
      }),
    },
  );
  await printReview(terminal, plan.review);
  for (const warning of plan.warnings) terminal.warn(warningText(warning));
  const typed = (options.words ?? '').trim().toLowerCase().replace(/\s+/g, ' ');
  await confirmWords(plan.objections, terminal, nodeWords(node), { ...options, typed });
  await signConsented(session, terminal, plan);
}

function hostnameOf(files: readonly FileEntry[]): string | undefined {
  const file = files.find(({ path }) => path === HOSTNAME_FILE);
  return file && hostnameIn(file.content);
}

/**
 * What `coatcheck-agent id --public` says, in lines or as JSON.
 * @throws file_malformed
 */
function parseKeys(text: string, path: string): PublicKeys {
  const part = (name: string, field: string): string | undefined =>
    (new RegExp(`^${name} +([\\w-]{43})$`, 'm').exec(text) ??
      new RegExp(`"${field}": *"([\\w-]{43})"`).exec(text))?.[1];
  const [sign, box] = [part('sign', 'signKey'), part('box', 'boxKey')];
  const [node] = /\b[a-z2-7]{32}\b/.exec(text) ?? [];
  if (sign === undefined || box === undefined) {
    throw fail('file_malformed', `${path} is not what coatcheck-agent id --public says`);
  }
  const keys = { signKey: fromBase64Url(sign), boxKey: fromBase64Url(box) };
  try {
    if (nodeIdOf(keys) === node) return keys;
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
  }
  throw fail('file_malformed', `${path}: its keys are not those of the node that it names`);
}
