import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathIn, showPath } from './errors.ts';
import { checkPath, inByteOrder, isPath } from './path.ts';

describe('a path in a bundle', () => {
  it.each([
    'etc/NetworkManager/system-connections/Wired connection 1.nmconnection',
    'etc/NetworkManager/system-connections/Kabelgebundene Verbindung für Büro.nmconnection',
    'etc/NetworkManager/system-connections/Проводное соединение 1.nmconnection',
    'etc/NetworkManager/system-connections/有線接続 1.nmconnection',
    'etc/NetworkManager/system-connections/유선 연결 1.nmconnection',
    'etc/NetworkManager/system-connections/Ενσύρματη σύνδεση 1.nmconnection',
    'etc/NetworkManager/system-connections/მავთულოვანი შეერთება 1.nmconnection',
    'etc/NetworkManager/system-connections/Ada’s phone.nmconnection',
  ])('may be %s', (path) => {
    expect(isPath(path)).toBe(true);
  });

  it('names the code point that it cannot have', () => {
    expect(() => {
      checkPath('etc/cafe\u0301');
    }).toThrow('"etc/cafe\\u0301": no name in a bundle has a U+0301');
  });

  it('is in normal form C, as this engine has it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4 }), (text) => {
        if (isPath(text)) expect(text.normalize('NFC')).toBe(text);
      }),
    );
  });
});

describe('inByteOrder', () => {
  it('is the order of the bytes in UTF-8', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(inByteOrder(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(['\u{1f959}', '\uff21'].sort(inByteOrder)).toEqual(['\uff21', '\u{1f959}']);
  });
});

describe('showPath', () => {
  it.each([
    ['etc/ssh/sshd_config', 'etc/ssh/sshd_config'],
    ['etc/a@b+c-1.conf', 'etc/a@b+c-1.conf'],
    ['etc/a b', '"etc/a b"'],
    ['etc/b\\x2dc', '"etc/b\\\\x2dc"'],
    ['etc/\\u0041', '"etc/\\u005cu0041"'],
    ['etc/$(reboot)`"!', '"etc/\\u0024(reboot)\\u0060\\u0022\\u0021"'],
    ['etc/p\u0430sswd', '"etc/p\\u0430sswd"'],
    ['etc/\u202edtom', '"etc/\\u202edtom"'],
    ['etc/\udcff\n', '"etc/\\xff\\u000a"'],
    ['etc/\u{1f480}', '"etc/\\ud83d\\udc80"'],
    ['', '""'],
  ])('%j is %s', (path, shown) => {
    expect(showPath(path)).toBe(shown);
  });

  it('comes back from a shell as the path', () => {
    const path = fc.string({
      unit: fc.constantFrom(...Array.from(' !"#$&\'(),;<>\\`u0x/éаé語*?~')),
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(path, { minLength: 20, maxLength: 20 }), (paths) => {
        const words = paths.map(showPath).join(' ');
        const said = execFileSync('sh', ['-c', `printf '%s\\n' ${words}`], { encoding: 'utf8' });
        expect(said.split('\n').slice(0, -1).map(pathIn)).toEqual(paths);
      }),
      { numRuns: 10 },
    );
  });
});
