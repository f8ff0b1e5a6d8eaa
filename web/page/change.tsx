import type { Child } from 'hono/jsx';
import { versionsOf } from '../../admin/alter.ts';
import type { Current } from '../../admin/change.ts';
import { compareSettings } from '../../admin/changes.ts';
import { maskSetting } from '../../admin/diff-view.ts';
import type { Group } from '../../admin/groups.ts';
import type { LeftOut } from '../../admin/many.ts';
import { octal } from '../../admin/octal.ts';
import type { Plan } from '../../admin/plan.ts';
import type { Review } from '../../admin/review.ts';
import { machinePaths } from '../../admin/traits.ts';
import { showPath } from '../../bundle/errors.ts';
import type { CoatcheckError } from '../../bundle/errors.ts';
import { showSetting } from '../../bundle/settings.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { SitePath } from '../../protocol/paths.ts';
import { headingOf } from '../../words/changes.ts';
import { leftOutText } from '../../words/left-out.ts';
import { messageOf } from '../../words/message.ts';
import { KNOWN_SETTINGS } from '../../words/setting.ts';
import { versionsText } from '../../words/versions.ts';
import type { Draft, OpenedFile } from '../draft.ts';
import { TOKEN_FIELD } from '../gate.ts';
import { Marks } from './difference.tsx';
import { ReviewPart, Who } from './review.tsx';

/** What all forms of a change send. */
interface ChangeForm {
  readonly token: string;
  readonly nodes: readonly Current[];
}

/** What is in force for one node or many, and what of it can be changed. */
export function ChangeScreen({
  query,
  nodes,
  leftOut,
  paths,
  token,
}: ChangeForm & {
  readonly query: string;
  readonly leftOut: readonly LeftOut[];
  /** what the site adds to the list of paths */
  readonly paths: readonly SitePath[] | undefined;
}) {
  const [first] = nodes;
  if (first === undefined) {
    return (
      <>
        <p class="empty">Nothing is in force here that could be changed.</p>
        <LeftOuts leftOut={leftOut} />
      </>
    );
  }
  const all = [...new Set(nodes.flatMap(({ manifest }) => manifest.files.map(({ path }) => path)))];
  const at = (path: string): string =>
    `/change/file?${new URLSearchParams({ q: query, path }).toString()}`;
  return (
    <>
      <Nodes nodes={nodes} />
      <LeftOuts leftOut={leftOut} />
      <h2>Files</h2>
      <form method="get" action="/change/file" class="search">
        <input type="hidden" name="q" value={query} />
        <label>
          A path, of a file that is there or of a new one
          <input name="path" required spellcheck={false} autocomplete="off" />
        </label>
        <button>Open</button>
      </form>
      <div class="scroll" tabindex={0} role="region" aria-label="Files in force">
        <table class="nodes">
          <thead>
            <tr>
              <th scope="col">Path</th>
              <th scope="col">Mode</th>
              <th scope="col">Owner</th>
              <th scope="col">Bytes</th>
              <th scope="col">What it can do</th>
            </tr>
          </thead>
          <tbody>
            {all.sort().map((path) => (
              <FileRow path={path} at={at(path)} nodes={nodes} paths={paths} />
            ))}
          </tbody>
        </table>
      </div>
      <h2>Settings</h2>
      {nodes.length === 1 && <Settings {...first} />}
      <form method="post" action="/change" class="confirm" autocomplete="off">
        <Hidden kind="set" token={token} nodes={nodes} />
        <label>
          NAME=VALUE; an empty value takes it out
          <input name="setting" required spellcheck={false} aria-describedby="known" />
        </label>
        <p class="dim" id="known">
          NAME is one of {KNOWN_SETTINGS}.
        </p>
        <Until />
        <button>Show the difference</button>
      </form>
    </>
  );
}

function FileRow({
  path,
  at,
  nodes,
  paths,
}: {
  path: string;
  at: string;
  nodes: readonly Current[];
  paths: readonly SitePath[] | undefined;
}) {
  const versions = versionsOf(nodes, path);
  const { file, of } = versions.find((one) => one.file !== undefined)!;
  const traits = machinePaths(paths, of[0]!.manifest).traitsFor(path);
  const isOne = versions.length === 1;
  return (
    <tr>
      <th scope="row">
        <a href={at}>
          <code>{showPath(path)}</code>
        </a>
      </th>
      {isOne ? (
        <>
          <td>{octal(file!.mode)}</td>
          <td>{escapeLine(`${file!.owner}:${file!.group}`)}</td>
          <td>{file!.content.length}</td>
        </>
      ) : (
        <td colspan={3} class="dim">
          not the same on all
        </td>
      )}
      <td>
        <Marks {...traits} />
      </td>
    </tr>
  );
}

function Settings({ manifest: { metadata } }: Current) {
  const settings = compareSettings({}, metadata).map(maskSetting);
  if (settings.length === 0) return <p class="empty">None is in force.</p>;
  return (
    <dl class="facts">
      {settings.map(({ name, executes, after = '' }) => (
        <>
          <dt>{showSetting(name)}</dt>
          <dd>
            {escapeLine(after)} <Marks executes={executes} secret={false} />
          </dd>
        </>
      ))}
    </dl>
  );
}

/** One file, to be written in, put, or taken out. */
export function FileScreen({
  path,
  nodes,
  leftOut,
  opened,
  unmask,
  written,
  base,
  isMoved = false,
  fields,
  token,
}: ChangeForm & {
  readonly path: string;
  readonly leftOut: readonly LeftOut[];
  readonly opened: OpenedFile;
  /** Where it is opened with its secrets shown; absent: it is. */
  readonly unmask?: string | undefined;
  readonly written: string;
  /** digest of what is written over; empty: whatever is there */
  readonly base: string;
  /** Whether it was changed since it was opened first. */
  readonly isMoved?: boolean;
  readonly fields?: {
    readonly mode: string;
    readonly owner: string;
    readonly expires: string;
  };
}) {
  const { versions, view, problem } = opened;
  const isNew = view === undefined && versions.length === 0;
  const canWrite = nodes.length > 0 && problem === undefined && unmask === undefined;
  return (
    <>
      <Nodes nodes={nodes} />
      <LeftOuts leftOut={leftOut} />
      {view !== undefined && (
        <p>
          <Marks {...view} />
        </p>
      )}
      {isNew && <p>There is no such file in force: what is written here makes it.</p>}
      {isMoved && (
        <p class="caution" role="alert">
          What is in force is not what you opened any more. What you wrote is still here; the next
          screen shows what it makes of what is there now.
        </p>
      )}
      {versions.length > 0 && (
        <p class="caution" role="alert">
          It is {versionsText(versions)}. It can be written in where it is the same on all; or one
          file is put on all of them.
        </p>
      )}
      {problem !== undefined && (
        <p class="caution">
          {problem} Put a whole file there instead, or use <code>coatcheck edit</code>.
        </p>
      )}
      {unmask !== undefined && (
        <p class="row">
          <span class="caution">There are secrets in it: to write in it shows them here.</span>
          <a class="button" href={unmask}>
            Show them, and open it
          </a>
        </p>
      )}
      {canWrite && (versions.length === 0 || written !== '') && (
        <form
          method="post"
          action="/change"
          class="confirm edit"
          enctype="multipart/form-data"
          autocomplete="off"
        >
          <h2>{isNew ? 'Write it' : 'Write in it'}</h2>
          <Hidden kind="edit" token={token} nodes={nodes} path={path} />
          <input type="hidden" name="base" value={base} />
          <label>
            Its contents
            {/* The first line end behind the tag is none of it. */}
            <textarea name="content" rows={20} spellcheck={false} wrap="off">
              {`\n${written}`}
            </textarea>
          </label>
          <Attributes {...fields} />
          <button>Show the difference</button>
        </form>
      )}
      {nodes.length > 0 && (
        <form
          method="post"
          action="/change"
          class="confirm"
          enctype="multipart/form-data"
          autocomplete="off"
        >
          <h2>{isNew ? 'Put a file there' : 'Put another in its place'}</h2>
          <Hidden kind="put" token={token} nodes={nodes} path={path} />
          <label>
            A file of yours
            <input type="file" name="upload" required />
          </label>
          <Attributes {...fields} />
          <button>Show the difference</button>
        </form>
      )}
      {nodes.length > 0 && !isNew && (
        <form method="post" action="/change" class="confirm" autocomplete="off">
          <h2>Take it out</h2>
          <Hidden kind="remove" token={token} nodes={nodes} path={path} />
          <button>Show the difference</button>
        </form>
      )}
    </>
  );
}

function Hidden({ kind, token, nodes, path }: ChangeForm & { kind: string; path?: string }) {
  return (
    <>
      <input type="hidden" name={TOKEN_FIELD} value={token} />
      <input type="hidden" name="kind" value={kind} />
      {path !== undefined && <input type="hidden" name="path" value={path} />}
      {nodes.map(({ node }) => (
        <input type="hidden" name="node" value={node} />
      ))}
    </>
  );
}

function Attributes({ mode = '', owner = '', expires = '' }) {
  return (
    <>
      <label>
        Mode, such as 0640; empty: as it is
        <input name="mode" value={mode} inputmode="numeric" />
      </label>
      <label>
        Owner: user, user:group or :group, a number as name=NUMBER; empty: as it is
        <input name="owner" value={owner} spellcheck={false} />
      </label>
      <Until expires={expires} />
    </>
  );
}

function Until({ expires = '' }) {
  return (
    <label>
      Good until: 30d, 2027-01-31, or never; empty: as long as what is in force
      <input name="expires" value={expires} />
    </label>
  );
}

function Nodes({ nodes }: { nodes: readonly Current[] }) {
  return (
    <ul class="who" {...(nodes.length > 12 ? { tabindex: 0, 'aria-label': 'The nodes' } : {})}>
      {nodes.map(({ node, name }) => (
        <li>
          <Who name={name} node={node} />
        </li>
      ))}
    </ul>
  );
}

/** Nodes of which nothing is done, and why. */
export function LeftOuts({
  leftOut,
  showing,
}: {
  leftOut: readonly LeftOut[];
  /** Where a file is shown that is not. */
  showing?: (path: string) => string;
}) {
  if (leftOut.length === 0) return null;
  const withheld = new Set(
    leftOut.flatMap(({ why }) =>
      why.code === 'objections'
        ? why.objections.flatMap((one) => (one.code === 'withheld' ? one.paths : []))
        : [],
    ),
  );
  return (
    <>
      <h2>{count(leftOut.length, 'node')} left out</h2>
      <ul class="outcomes">
        {leftOut.map((one) => {
          const { message, code } = leftOutText(one, 'page');
          return (
            <li class={one.why.code === 'same' ? '' : 'caution'}>
              <a href={`/nodes/${one.node}`}>
                {one.name === undefined ? <code>{one.node}</code> : escapeLine(one.name)}
              </a>
              : {escapeLine(message)} <code>{code}</code>
            </li>
          );
        })}
      </ul>
      {showing !== undefined &&
        [...withheld].map((path) => (
          <p>
            <a class="button" href={showing(path)}>
              Show {showPath(path)}
            </a>
          </p>
        ))}
    </>
  );
}

/** One review of a draft, for all nodes for which it is the same change. */
export interface DraftReview {
  readonly group: Group;
  /** of its first member, with what objects to it */
  readonly plan: Plan;
  readonly review: Review;
  readonly showing: (path: string, line?: number) => string;
}

/** What a draft makes of what is in force, before it is consented to. */
export function DraftScreen({
  at,
  draft: { change },
  problem,
  reviews = [],
  leftOut = [],
  whole,
  children,
}: {
  /** its address */
  readonly at: string;
  readonly draft: Draft;
  /** why it can be done for nobody */
  readonly problem?: CoatcheckError;
  readonly reviews?: readonly DraftReview[];
  readonly leftOut?: readonly LeftOut[];
  /** Where all of it is shown, where it is cut. */
  readonly whole?: string | undefined;
  /** the question */
  readonly children?: Child;
}) {
  const showing = (path: string): string => `${at}?${new URLSearchParams({ show: path })}`;
  return (
    <>
      {problem !== undefined && (
        <p class="caution" role="alert">
          {escapeLine(messageOf(problem))} <code>{problem.code}</code> Nothing was done.
        </p>
      )}
      <LeftOuts leftOut={leftOut} showing={showing} />
      {reviews.map(({ group, plan, review, showing: unmask }) => (
        <section>
          <h2>{headingOf(group)}</h2>
          <ReviewPart
            review={review}
            plan={plan}
            members={group.members}
            differing={group.differing}
            showing={unmask}
            whole={whole}
          />
        </section>
      ))}
      {change.kind === 'file' && (
        <p>
          <a class="button" href={`${at}/edit`}>
            Go back to what you wrote
          </a>
        </p>
      )}
      {change.kind === 'set' && <p>You wrote: {escapeLine(change.setting)}</p>}
      {children}
    </>
  );
}
