import { describe, expect, it } from 'vitest';
import { defaultKeyboard, keyboardOf, xorgKeyboard } from './keyboard.ts';

describe('the keyboard of X', () => {
  it.each([
    ['us', 'us', '', ''],
    ['uk', 'gb', '', ''],
    ['de-latin1-nodeadkeys', 'de', 'nodeadkeys', ''],
    ['sv-latin1', 'se', '', ''],
    ['fr_CH-latin1', 'ch', 'fr', ''],
    ['dvorak', 'us', 'dvorak', ''],
    ['ru', 'ru,us', '', 'grp:shifts_toggle'],
    ['bg_pho-utf8', 'bg,us', '', 'grp:shifts_toggle'],
    ['constructor', 'constructor', '', ''],
  ])('of %s', (keymap, layout, variant, options) => {
    expect(keyboardOf(keymap)).toEqual({ layout, variant, options });
  });

  it('is in both files, without what it does not have', () => {
    expect(xorgKeyboard('fr_CH')).toBe(
      'Section "InputClass"\n  Identifier "system-keyboard"\n  MatchIsKeyboard "on"\n  Option "XkbLayout" "ch"\n  Option "XkbVariant" "fr"\nEndSection\n',
    );
    expect(defaultKeyboard('ru')).toBe(
      'XKBMODEL="pc105"\nXKBLAYOUT="ru,us"\nXKBVARIANT=""\nXKBOPTIONS="grp:shifts_toggle"\nBACKSPACE="guess"\n',
    );
  });
});
