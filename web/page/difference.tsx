import { revokesImages } from '../../admin/changes.ts';
import type { SettingChange } from '../../admin/changes.ts';
import type { DiffView, FileView } from '../../admin/diff-view.ts';
import { showPath } from '../../bundle/errors.ts';
import { showSetting } from '../../bundle/settings.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine, escapeText } from '../../protocol/escape.ts';
import { accountText } from '../../words/accounts.ts';
import { sideBySide } from './side-by-side.ts';
import type { Row } from './side-by-side.ts';

/** What may be asked for beside a difference. */
export interface DifferenceProps {
  readonly diff: DiffView;
  /**
   * The address of this review with the file of this path shown, or only the value in one of its lines (an
   * index into `lines`); absent: nothing can be unmasked.
   */
  readonly showing?: ((path: string, line?: number) => string) | undefined;
  /** Where all of it is shown, where it is cut. */
  readonly whole?: string | undefined;
}

/** What differs, what runs by its place first: files side by side, settings by name. */
export function Difference({ diff, showing, whole }: DifferenceProps) {
  const { files, metadata, settingsCut = 0 } = diff;
  const isCut =
    settingsCut > 0 ||
    files.some(({ linesCut = 0, accountsCut = 0 }) => linesCut + accountsCut > 0);
  const runs = (change: SettingChange): boolean => change.executes === 'by place';
  if (files.length + metadata.length === 0) return <p>No difference.</p>;
  return (
    <div class="difference">
      {metadata.filter(runs).map((change) => (
        <Setting change={change} />
      ))}
      {files.map((file) => (
        <File file={file} showing={showing} />
      ))}
      {metadata
        .filter((change) => !runs(change))
        .map((change) => (
          <Setting change={change} />
        ))}
      {settingsCut > 0 && <p class="note">{count(settingsCut, 'more setting')} not shown</p>}
      {isCut && whole !== undefined && (
        <p class="row">
          <span class="caution">This is long, and not all of it is shown.</span>
          <a class="button" href={whole}>
            Show all of it
          </a>
        </p>
      )}
    </div>
  );
}

/** One pair, where there is nothing on the other side. */
const Columns = ({ pairs }: { pairs: 1 | 2 }) => (
  <colgroup>
    <col class="number" />
    <col />
    {pairs === 2 && (
      <>
        <col class="number" />
        <col />
      </>
    )}
  </colgroup>
);

/** What a file or a setting can set off, and that there are secrets in it. */
export function Marks({ executes, secret }: Pick<FileView, 'executes' | 'secret'>) {
  return (
    <>
      {executes === 'by place' && <strong class="mark runs">▶ runs or lets in</strong>}
      {executes === 'may name' && <span class="mark may">▷ may name a program</span>}
      {executes === 'refused' && <strong class="mark runs">✖ nodes refuse this path</strong>}
      {secret && <span class="mark secret">⚿ secret</span>}
    </>
  );
}

function Setting({ change }: { change: SettingChange }) {
  const { name, executes, before, after } = change;
  const what = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return (
    <section class="file">
      <h3>
        <span class={`sign ${what}`}>{what}</span> setting {showSetting(name)}{' '}
        {revokesImages(change) ? (
          <strong class="mark runs">✖ for ever: revokes older images</strong>
        ) : (
          <Marks executes={executes} secret={false} />
        )}
      </h3>
      <table class="lines">
        <Columns pairs={what === 'changed' ? 2 : 1} />
        <tbody>
          <tr>
            {before !== undefined && (
              <>
                <td class="number" />
                <td class="removed">{escapeLine(before)}</td>
              </>
            )}
            {after !== undefined && (
              <>
                <td class="number" />
                <td class="added">{escapeLine(after)}</td>
              </>
            )}
          </tr>
        </tbody>
      </table>
    </section>
  );
}

function File({ file, showing }: { file: FileView; showing: DifferenceProps['showing'] }) {
  const { path, change, lines = [], masked } = file;
  const isMasked = new Set(masked.map(({ line }) => line));
  return (
    <section class="file">
      <h3>
        <span class={`sign ${change}`}>{change}</span> <code>{showPath(path)}</code>{' '}
        <Marks {...file} />
        <span class="facts">{facts(file).join(', ')}</span>
      </h3>
      {(file.accounts ?? []).map((account) => (
        <p class={account.after?.password === 'empty' ? 'account bad' : 'account'}>
          {accountText(account)}
        </p>
      ))}
      {lines.length > 0 && (
        <table class="lines">
          <caption class="hidden">{`Lines of ${showPath(path)}, before and after`}</caption>
          <Columns pairs={change === 'changed' ? 2 : 1} />
          <tbody>
            {sideBySide(lines).map((row) => (
              <Line
                row={row}
                pairs={change === 'changed' ? 2 : 1}
                isMasked={isMasked}
                unmask={showing && ((line) => showing(path, line))}
              />
            ))}
          </tbody>
        </table>
      )}
      {notes(file).map((note) => (
        <p class="note">
          {note}
          {showing !== undefined && isHiding(file) && (
            <>
              {' '}
              <a href={showing(path)}>Show {maskedValues(file) ? 'all of them' : 'it'}</a>
            </>
          )}
        </p>
      ))}
    </section>
  );
}

function Line({
  row,
  pairs,
  isMasked,
  unmask,
}: {
  row: Row;
  pairs: 1 | 2;
  isMasked: ReadonlySet<number>;
  unmask: ((line: number) => string) | undefined;
}) {
  if (row.hunk !== undefined || row.note !== undefined) {
    return (
      <tr class="hunk">
        <td colspan={2 * pairs}>{escapeLine(row.hunk ?? row.note!)}</td>
      </tr>
    );
  }
  const { before, after } = row;
  const isSame = before !== undefined && before.index === after?.index;
  // What is there on one side alone, or on both the same, a narrow screen shows once.
  const side = (one: typeof before, kind: 'removed' | 'added') => (
    <>
      <td class={one === undefined || (isSame && kind === 'added') ? 'number twice' : 'number'}>
        {one?.number}
      </td>
      <td
        class={one === undefined ? 'none twice' : !isSame ? kind : kind === 'added' ? 'twice' : ''}
      >
        {one !== undefined && (
          <>
            {!isSame && <span class="hidden">{kind}: </span>}
            {escapeText(one.text)}
            {isMasked.has(one.index) &&
              (unmask === undefined ? (
                <span class="mark secret"> masked</span>
              ) : (
                <a class="mark secret" href={unmask(one.index)}>
                  {' '}
                  show this value
                </a>
              ))}
          </>
        )}
      </td>
    </>
  );
  return (
    <tr>
      {(pairs === 2 || before !== undefined) && side(before, 'removed')}
      {(pairs === 2 || after !== undefined) && side(after, 'added')}
    </tr>
  );
}

const arrow = (sides: { before?: string | number; after?: string | number }): string =>
  [sides.before, sides.after].filter((side) => side !== undefined).join(' → ');

function facts({ mode, owner, size, becomesImages }: FileView): string[] {
  return [
    ...(becomesImages === undefined
      ? []
      : [
          `becomes the image's own, which is ${becomesImages === 'same' ? 'the same' : 'ANOTHER'} (as the maker claims)`,
        ]),
    ...(mode === undefined ? [] : [`mode ${arrow(mode)}`]),
    ...(owner === undefined ? [] : [escapeLine(`owner ${arrow(owner)}`)]),
    `${arrow(size)} bytes`,
  ];
}

const maskedValues = (file: FileView): boolean => file.maskedValues > 0;

const isHiding = ({ hidden, maskedValues }: FileView): boolean =>
  hidden === 'key' || hidden === 'withheld' || maskedValues > 0;

function notes({ hidden, maskedValues, linesCut = 0, accountsCut = 0 }: FileView): string[] {
  return [
    ...(hidden === 'key' ? ['One key and nothing else: it is not shown.'] : []),
    ...(hidden === 'withheld'
      ? ['Secret, and in no format that is known: nobody can tell its secrets from what it runs.']
      : []),
    ...(accountsCut > 0 ? [`${count(accountsCut, 'more account')} not shown.`] : []),
    ...(linesCut > 0 ? [`${count(linesCut, 'more line')} not shown.`] : []),
    ...(maskedValues > 0 ? [`${count(maskedValues, 'value')} masked.`] : []),
  ];
}
