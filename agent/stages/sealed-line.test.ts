import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../../tests/support/temporary-folder.ts';
import { IMAGE_FILE } from '../tree/image.ts';
import { demandSealed } from './sealed-line.ts';

const LINE = 'stateless panic=30 ip=dhcp coatcheck.key=tpm console=tty0 console=ttyS0,115200';

describe('a boot of an image that is signed with its command line', () => {
  let root: string;
  withTemporaryFolder('sealed', (made) => {
    root = made;
    image({ commandLine: LINE });
  });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const image = (more: object): void =>
    write(IMAGE_FILE, JSON.stringify({ version: '1', date: 1_700_000_000, ...more }));
  const refusing = (code: string, says: RegExp): unknown =>
    expect.objectContaining({ code, message: expect.stringMatching(says) as string });

  it('goes on with that line, and with what the signed file itself brings', () => {
    write('.extra/tpm2-pcr-signature.json', '{}');
    expect(() => demandSealed(`${LINE}\n`, root)).not.toThrow();
    expect(() => demandSealed(LINE.replace(' ', '  '), root)).not.toThrow();
  });

  it.each<[string, string, RegExp]>([
    ['one argument more', `${LINE} coatcheck.server=http://10.0.0.66`, /: "coatcheck.server="\. /],
    ['a word in front', `rescue ${LINE}`, /: "rescue"\. /],
    ['one less', LINE.replace('coatcheck.key=tpm ', ''), /: "coatcheck.key="\. /],
    ['another value', LINE.replace('=tpm', '=image'), /: "coatcheck.key=", "coatcheck.key="\. /],
    ['the same in another order', LINE.split(' ').reverse().join(' '), /its order is another/],
    ['one of its words again', `${LINE} console=tty0`, /its order is another/],
  ])('is refused with %s', (_, line, says) => {
    expect(() => demandSealed(line, root)).toThrow(refusing('bad_argument', says));
  });

  it('tells no value of what it refuses: a password may be there', () => {
    const line = `${LINE} rootpw=hunter2`;
    expect(() => demandSealed(line, root)).toThrow(/"rootpw="/);
    expect(() => demandSealed(line, root)).not.toThrow(/hunter2/);
  });

  it.each(['credentials/x.cred', 'global_credentials/x.cred', 'sysext/x.raw'])(
    'is refused with %s, which lay beside the signed file',
    (path) => {
      write(`.extra/${path}`, '');
      expect(() => demandSealed(LINE, root)).toThrow(refusing('file_unsafe', new RegExp(path)));
    },
  );

  it('is about no other image: arguments are of whoever boots it', () => {
    image({});
    write('.extra/credentials/x.cred', '');
    expect(() => demandSealed('stateless anything=else', root)).not.toThrow();
  });
});
