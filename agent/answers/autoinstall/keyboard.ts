/** What X calls a layout that keymaps of the console call otherwise; after a colon, its variant. */
const CALLED: Readonly<Record<string, string>> = {
  cf: 'ca',
  croat: 'hr',
  dvorak: 'us:dvorak',
  et: 'ee',
  fr_CH: 'ch:fr',
  hu101: 'hu:qwerty',
  it2: 'it',
  jp106: 'jp',
  kazakh: 'kz',
  khmer: 'kh',
  ko: 'kr',
  la: 'latam',
  pl2: 'pl',
  sg: 'ch:de_nodeadkeys',
  slovene: 'si',
  sr: 'rs',
  sv: 'se',
  trq: 'tr',
  uk: 'gb',
};

/** Without Latin letters nobody could log in: these get `us` beside them, and both shift keys change. */
const NOT_LATIN = /^(?:bg|by|ge|gr|kh|kz|mk|ru|ua)$/;

/** As the files of X have it; each may be empty but the layout. */
export interface Keyboard {
  readonly layout: string;
  readonly variant: string;
  readonly options: string;
}

/**
 * The keyboard of X for a keymap of the console, as `sv-latin1`. The layout is the one that systemd's
 * kbd-model-map has for it; of the variants only those without which the letters are elsewhere.
 */
export function keyboardOf(keymap: string): Keyboard {
  const family = keymap.replace(/[-.].*/, '');
  const called = Object.hasOwn(CALLED, family) ? CALLED[family]! : family.replace(/_.*/, '');
  const [layout = '', variant = ''] = called.split(':');
  if (NOT_LATIN.test(layout)) {
    return { layout: `${layout},us`, variant: '', options: 'grp:shifts_toggle' };
  }
  return { layout, variant: keymap.includes('nodeadkeys') ? 'nodeadkeys' : variant, options: '' };
}

/** What systemd-localed writes (xorg.conf(5)). */
export function xorgKeyboard(keymap: string): string {
  const { layout, variant, options } = keyboardOf(keymap);
  const lines = Object.entries({ XkbLayout: layout, XkbVariant: variant, XkbOptions: options })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `  Option "${name}" "${value}"\n`);
  return `Section "InputClass"\n  Identifier "system-keyboard"\n  MatchIsKeyboard "on"\n${lines.join('')}EndSection\n`;
}

/** keyboard(5) of Debian. */
export function defaultKeyboard(keymap: string): string {
  const { layout, variant, options } = keyboardOf(keymap);
  return `XKBMODEL="pc105"\nXKBLAYOUT="${layout}"\nXKBVARIANT="${variant}"\nXKBOPTIONS="${options}"\nBACKSPACE="guess"\n`;
}
