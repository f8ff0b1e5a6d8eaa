import {
  bundlePath,
  parseMode,
  parseOwner,
  parsePath,
  versionsOf,
  withFile,
  withoutFile,
  withSetting,
} from '../../admin/alter.ts';
import type { Change, FileWish } from '../../admin/alter.ts';
import { planChanges, readCurrent } from '../../admin/change.ts';
import type { Current } from '../../admin/change.ts';
import type { LeftOut } from '../../admin/many.ts';
import { pathsRefused } from '../../admin/propose.ts';
import { findNode } from '../../admin/select.ts';
import type { Session } from '../../admin/session.ts';
import { checkReason } from '../../admin/plan.ts';
import { showPath } from '../../bundle/errors.ts';
import { equalBytes } from '../../bundle/index.ts';
import { MAX_MANIFEST_BYTES } from '../../bundle/manifest.ts';
import { readLocalFile } from '../../files/read.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { pathList } from '../../protocol/paths.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { editFile } from '../editor.ts';
import { versionsText } from '../../words/versions.ts';
import { shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { parseSetting } from '../../words/setting.ts';
import { targetsOf } from '../targets.ts';
import { parseExpiry } from '../../words/time.ts';
import { signGroups } from './approve-many.ts';
import { tellingOf } from './many.ts';

interface Options extends ConsentFlags, ReviewFlags {
  readonly where?: string;
  readonly expect?: string;
  readonly reason?: string;
  readonly expires?: string;
}

interface FileOptions extends Options {
  readonly mode?: string;
  readonly owner?: string;
}

/** The nodes that are meant, with what is in force for each. */
interface Changing {
  readonly session: Session;
  readonly nodes: readonly Current[];
  readonly leftOut: readonly LeftOut[];
  readonly expect?: number | undefined;
}

/** `coatcheck edit [NODE...] PATH`: a file that all of them have in force, in an editor. */
export async function edit(
  context: Context,
  words: readonly string[],
  pathText: string,
  options: FileOptions & { readonly like?: string },
): Promise<void> {
  const { terminal } = context;
  const path = parsePath(pathText);
  const attributes = attributesOf(options);
  const changing = await open(context, words, options, path);
  const { session, nodes } = changing;
  let content: Uint8Array | undefined;
  if (options.like !== undefined) content = await fileOf(context, session, options.like, path);
  else if (nodes.length > 0) {
    const before = onlyVersion(nodes, path);
    const edited = await editFile(path, before ?? new Uint8Array(), context.env);
    if (!edited.inMemory) {
      terminal.warn(
        'it was edited on a disk, since no place in memory was found; it is written over and gone',
      );
    }
    const isSame = equalBytes(edited.content, before ?? new Uint8Array());
    if (!isSame) content = edited.content;
    else if (before === undefined || Object.keys(attributes).length === 0) {
      terminal.hint(`nothing was changed in ${showPath(path)}`);
      terminal.document({ groups: [], decisions: [], failed: [], untried: [], leftOut: [] });
      return;
    }
  }
  const wish = { ...attributes, ...(content && { content }) };
  let done: string | undefined;
  try {
    await sign(
      context,
      changing,
      withFile(path, wish, isSecret(session, path)),
      options,
      (node) => {
        done ??= node;
      },
    );
  } catch (error) {
    if (done !== undefined && options.like === undefined) {
      terminal.hint(`to go on without an editor, give the same nodes and --like ${done}`);
    }
    throw error;
  }
}

/** `coatcheck put FILE --to PATH NODE...` */
export async function put(
  context: Context,
  file: string,
  words: readonly string[],
  options: FileOptions & { readonly to: string },
): Promise<void> {
  const path = parsePath(options.to);
  const attributes = attributesOf(options);
  const content = await readLocalFile(file, { maxBytes: MAX_MANIFEST_BYTES });
  const changing = await open(context, words, options, path);
  const wish = { ...attributes, content };
  const change = withFile(path, wish, isSecret(changing.session, path));
  await sign(context, changing, change, options);
}

/** `coatcheck rm PATH NODE...` */
export async function rm(
  context: Context,
  pathText: string,
  words: readonly string[],
  options: Options,
): Promise<void> {
  const path = parsePath(pathText);
  const changing = await open(context, words, options);
  const { nodes, leftOut } = changing;
  if (nodes.length > 0 && versionsOf(nodes, path).every(({ file }) => file === undefined)) {
    context.terminal.hint(
      `there is no ${showPath(path)} in what is in force for ${nodes.length === 1 ? 'it' : 'any of them'}`,
    );
  }
  await sign(context, { ...changing, nodes, leftOut }, withoutFile(path), options);
}

/** `coatcheck set SETTING=VALUE NODE...` */
export async function set(
  context: Context,
  setting: string,
  words: readonly string[],
  options: Options,
): Promise<void> {
  const changes = parseSetting(setting);
  const changing = await open(context, words, options);
  if (changes.get('hostname') && changing.nodes.length > 1) {
    throw fail('usage', `a host name is of one machine, and ${changing.nodes.length} are meant`);
  }
  await sign(context, changing, withSetting(changes), options);
}

/** @param path what has to be allowed there, by the site's list at least */
async function open(
  context: Context,
  words: readonly string[],
  options: Options,
  path?: string,
): Promise<Changing> {
  const { terminal } = context;
  checkReason(options.reason ?? '');
  const session = await openSession(context);
  if (path !== undefined && pathList(session.site.paths).traitsOf(path) === undefined) {
    throw pathsRefused({ paths: [path], unknown: false });
  }
  const meant = await targetsOf(session, terminal, { words, ...options }, 'approve');
  const named = meant.targets.find(({ digest }) => digest !== undefined);
  if (named !== undefined) {
    throw fail(
      'usage',
      `${named.digest!} is a digest, and what is in force is changed: name the node alone`,
    );
  }
  const { planned, leftOut } = await terminal.waiting(
    `reading what is in force for ${count(meant.targets.length, 'node')}`,
    () => readCurrent(session, meant.targets, tellingOf(terminal)),
  );
  return {
    ...{ session, nodes: planned, leftOut: [...meant.leftOut, ...leftOut] },
    expect: meant.expect,
  };
}

/** Plans, shows what would change, asks once, and signs for each. */
async function sign(
  { terminal }: Context,
  { session, nodes, leftOut, expect }: Changing,
  change: Change,
  options: Options,
  onDone?: (node: string) => void,
): Promise<void> {
  const { budget, ...shown } = shownBy(terminal, options);
  const plans = await planChanges(session, nodes, change, {
    ...{ ...shown, reason: options.reason ?? '', unseen: (options.unseen ?? []).map(bundlePath) },
    ...(options.expires !== undefined && {
      expires: parseExpiry(options.expires, session.client.now()),
    }),
  });
  const asked = {
    ...{ verb: 'Change', noun: 'node', flags: options, expect },
    onRecorded: ({ node }: { readonly node: string }) => onDone?.(node),
  };
  await signGroups(
    session,
    terminal,
    { ...plans, leftOut: [...leftOut, ...plans.leftOut] },
    asked,
    { ...shown, ...(budget !== undefined && { budget }) },
  );
}

const isSecret = ({ site: { paths } }: Session, path: string): boolean =>
  pathList(paths).traitsOf(path)?.secret === true;

function attributesOf({ mode, owner }: FileOptions): Omit<FileWish, 'content'> {
  return {
    ...(mode !== undefined && { mode: parseMode(mode) }),
    ...(owner !== undefined && parseOwner(owner)),
  };
}

/** The content that a file has on all nodes. @throws usage where it is not one */
function onlyVersion(nodes: readonly Current[], path: string): Uint8Array | undefined {
  const versions = versionsOf(nodes, path);
  if (versions.length <= 1) return versions[0]?.file?.content;
  throw fail(
    'usage',
    `${showPath(path)} is ${versionsText(versions)}. Edit those alone that have the same, or put one file on all`,
  );
}

/** The file that is in force for one node. @throws not_found */
async function fileOf(
  { terminal }: Context,
  session: Session,
  text: string,
  path: string,
): Promise<Uint8Array> {
  const node = await findNode(session, text, 'show');
  const { planned } = await readCurrent(session, [{ node, named: true }], tellingOf(terminal));
  const file = planned[0]?.manifest.files.find((one) => one.path === path);
  if (file !== undefined) return file.content;
  throw fail('not_found', `there is no ${showPath(path)} in force for ${escapeLine(text)}`);
}
