import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { fromUtf8, utf8 } from '../../bundle/bytes.ts';
import { MAX_FILES } from '../../bundle/manifest.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { shortDigest } from '../../bundle/file-digest.ts';
import { codeFrom } from '../../tests/support/thrown.ts';
import { withRoot } from '../tree/folder.ts';
import { applyFiles } from '../apply/apply.ts';
import { BASELINE_FILE, formatBaseline } from '../apply/baseline.ts';
import { takeChanges } from './changes.ts';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'agent-changes-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const write = (path: string, text: string): void => {
  fs.mkdirSync(dirname(join(root, path)), { recursive: true });
  fs.writeFileSync(join(root, path), text);
};

const file = (path: string, text: string): FileEntry => ({
  ...{ path, mode: 0o644, owner: 'nobody-here', uid: process.getuid!() },
  ...{ group: 'nobody-here', gid: process.getgid!(), content: utf8(text) },
});

const HOSTNAME = file('etc/hostname', 'a\n');
const MOTD = file('etc/motd', 'hello\n');
const METADATA = { hostname: 'a', enable: ['chronyd.service'], answers: { ip: 'dhcp' } };

function apply(...files: FileEntry[]): void {
  const about = { site: '00', node: 'n', statement: '0'.repeat(64), seq: 1, appliedAt: 0 };
  withRoot(root, (folder) =>
    applyFiles({ root: folder, files, list: BUILT_IN_PATHS, owners: false, about }),
  );
}

/** Path and text of what would be proposed. */
function changes(files: readonly FileEntry[], ...added: string[]): Record<string, string> {
  const draft = takeChanges(root, BUILT_IN_PATHS, { files, metadata: METADATA }, added)!;
  return Object.fromEntries(draft.files.map(({ path, content }) => [path, fromUtf8(content)]));
}

describe('what a machine changed of its configuration', () => {
  it('is nothing where nothing was changed, whatever else the image has', () => {
    write('etc/issue', 'of the image\n');
    apply(HOSTNAME, MOTD);
    const draft = takeChanges(
      root,
      BUILT_IN_PATHS,
      { files: [HOSTNAME, MOTD], metadata: METADATA },
      [],
    );
    expect(draft).toEqual({ files: [HOSTNAME, MOTD], metadata: METADATA, notTaken: [] });
  });

  it('has changed files as they are, and lacks those that are gone', () => {
    apply(HOSTNAME, MOTD);
    write('etc/hostname', 'b\n');
    fs.rmSync(join(root, 'etc/motd'));
    const { files, metadata } = takeChanges(
      root,
      BUILT_IN_PATHS,
      { files: [HOSTNAME, MOTD], metadata: METADATA },
      [],
    )!;
    expect(files.map(({ path, content }) => [path, fromUtf8(content)])).toEqual([
      ['etc/hostname', 'b\n'],
    ]);
    expect(metadata).toEqual({ ...METADATA, hostname: 'b' });
  });

  it('goes by the bundle in force where the machine still runs an older one', () => {
    apply(HOSTNAME, MOTD);
    write('etc/motd', 'mine\n');
    const newer = [file('etc/hostname', 'newer\n'), file('etc/hosts', 'new\n'), MOTD];
    expect(changes(newer)).toEqual({
      ...{ 'etc/hostname': 'newer\n', 'etc/hosts': 'new\n', 'etc/motd': 'mine\n' },
    });
  });

  it('has files that are asked for besides', () => {
    write('etc/issue', 'mine\n');
    apply(HOSTNAME);
    expect(changes([HOSTNAME], 'etc/issue')).toEqual({
      'etc/hostname': 'a\n',
      'etc/issue': 'mine\n',
    });
    write('etc/unlisted', 'x');
    expect(codeFrom(() => changes([HOSTNAME], 'etc/motd'))).toBe('file_missing');
    expect(codeFrom(() => changes([HOSTNAME], 'etc/unlisted'))).toBe('path_refused');
  });

  it('has room for them, however much the image has', () => {
    apply(HOSTNAME, MOTD);
    for (let i = 0; i < MAX_FILES; i++) write(`etc/cron.d/image-${i}`, '#\n');
    write('etc/motd', 'changed\n');
    expect(changes([HOSTNAME, MOTD])).toEqual({ 'etc/hostname': 'a\n', 'etc/motd': 'changed\n' });
  });

  it('has the entries of its own in an account file, and no others', () => {
    write('etc/group', 'root:x:0:\n');
    const group = file('etc/group', 'ops:x:2000:ada\n');
    apply(group);
    fs.appendFileSync(join(root, 'etc/group'), 'of-a-package:x:990:\n');
    expect(changes([group])).toEqual({ 'etc/group': 'ops:x:2000:ada\n' });
    write('etc/group', 'root:x:0:\nops:x:2000:ada,bob\n');
    expect(changes([group])).toEqual({ 'etc/group': 'ops:x:2000:ada,bob\n' });
  });

  it('refuses to drop a file that was changed and cannot be proposed', () => {
    apply(HOSTNAME, MOTD);
    fs.rmSync(join(root, 'etc/motd'));
    fs.symlinkSync('../run/motd', join(root, 'etc/motd'));
    expect(codeFrom(() => changes([HOSTNAME, MOTD]))).toBe('file_denied');
  });

  it('cannot be said where nothing was applied', () => {
    expect(
      takeChanges(root, BUILT_IN_PATHS, { files: [HOSTNAME], metadata: METADATA }, []),
    ).toBeUndefined();
  });

  it('has what of the image was changed here, and neither what a newer image brought nor accounts', () => {
    const own = { owner: 'root', uid: 0, group: 'root', gid: 0 };
    const image = [
      { ...file('etc/hosts', 'of the image\n'), ...own },
      { ...file('etc/issue', 'of the new image\n'), ...own },
      { ...file('etc/group', 'root:x:0:\n'), ...own },
      { ...file('etc/crontab', '#\n'), ...own },
    ];
    const left = Object.fromEntries(image.map((one) => [one.path, shortDigest(one)]));
    left['etc/issue'] = '00000000'; // as it was in the old one
    write('etc/passwd', 'root:x:0:0::/:/bin/sh\n');
    for (const { path, content } of image) write(path, fromUtf8(content));
    apply(HOSTNAME);
    withRoot(root, (folder) => write(BASELINE_FILE, formatBaseline(folder, image, {})));
    const inForce = { files: [HOSTNAME], metadata: { ...METADATA, left } };
    const take = (...added: string[]) => takeChanges(root, BUILT_IN_PATHS, inForce, added)!;
    const paths = ({ files }: ReturnType<typeof take>) => files.map(({ path }) => path);
    expect(paths(take())).toEqual(['etc/hostname']);
    expect(take().metadata).toEqual(inForce.metadata);

    write('etc/hosts', 'of this machine\n');
    write('etc/group', 'root:x:0:\nops:x:2000:\n');
    fs.rmSync(join(root, 'etc/crontab'));
    const { notTaken, ...draft } = take();
    expect(paths({ ...draft, notTaken })).toEqual(['etc/hostname', 'etc/hosts']);
    expect(Object.keys(draft.metadata.left!)).toEqual(['etc/issue', 'etc/group', 'etc/crontab']);
    expect(notTaken).toEqual([
      { path: 'etc/crontab', why: 'is not here: no bundle takes it away' },
      { path: 'etc/group', why: 'is otherwise here: --add etc/group takes it' },
    ]);
    const group = take('etc/group').files.find(({ path }) => path === 'etc/group');
    expect(fromUtf8(group!.content)).toBe('ops:x:2000:\n');

    // Without a baseline nobody can say whose it is.
    fs.rmSync(join(root, BASELINE_FILE));
    expect(paths(take())).toEqual(['etc/hostname']);
    expect(take().notTaken.map(({ path }) => path)).toEqual([
      ...['etc/crontab', 'etc/group', 'etc/hosts', 'etc/issue'],
    ]);
  });
});
