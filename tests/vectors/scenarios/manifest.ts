import { concat, utf8 } from '../../../bundle/bytes.ts';
import { encodeManifest, MAX_FILES, MAX_MANIFEST_BYTES } from '../../../bundle/manifest.ts';
import { manifestOf, node } from '../../fixtures/format.ts';
import { patch, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const HEAD = concat(node.signKey, node.boxKey, new Uint8Array(32));

/** A manifest by its sections, each given as lines; nothing is checked. */
function raw(sections: {
  metadata?: string[];
  paths?: string[];
  attributes?: string[];
  sizes?: string[];
  content?: string;
}): Uint8Array {
  const { metadata = [], paths = ['etc/motd'], content = '' } = sections;
  const { attributes = paths.map(() => '644 root 0 root 0'), sizes = paths.map(() => '0') } =
    sections;
  const text = [metadata, paths, attributes, sizes].map(
    (lines) => [...lines, ''].join('\n') + '\n',
  );
  return concat(HEAD, utf8(text.join('') + content));
}

const withPath = (path: string): Uint8Array => raw({ paths: [path] });
const withMetadata = (...metadata: string[]): Uint8Array => raw({ metadata });
const withAttributes = (line: string): Uint8Array => raw({ attributes: [line] });

const PATHS: readonly (readonly [name: string, says: string, path: string])[] = [
  ['absolute', 'an absolute path', '/etc/motd'],
  ['dot', 'a dot', '.'],
  ['dot_start', 'a dot at the start', './etc/motd'],
  ['dot_middle', 'a dot in the middle', 'etc/./motd'],
  ['dot_end', 'a dot at the end', 'etc/.'],
  ['dotdot', 'two dots', '..'],
  ['dotdot_start', 'two dots at the start', '../etc/motd'],
  ['dotdot_middle', 'two dots in the middle', 'etc/../../motd'],
  ['dotdot_end', 'two dots at the end', 'etc/..'],
  ['double_slash', 'an empty part', 'etc//motd'],
  ['trailing_slash', 'a slash at the end', 'etc/motd/'],
  ['slash', 'only a slash', '/'],
  ['nul', 'a NUL', 'etc/mo\0td'],
  ['tab', 'a tab', 'etc/mo\ttd'],
  ['carriage_return', 'a carriage return', 'etc/motd\r'],
  ['escape', 'an escape sequence for terminals', 'etc/\x1b[2Jmotd'],
  ['delete', 'a DEL', 'etc/motd\x7f'],
  ['space_start', 'a part that begins with a space', 'etc/ motd'],
  ['space_end', 'a part that ends with a space', 'etc /motd'],
  ['control_c1', 'a control character of ISO 8859', 'etc/mo\u0085td'],
  ['accent_decomposed', 'a letter and its accent apart', 'etc/cafe\u0301'],
  ['hangul_decomposed', 'a syllable of Hangul in its letters', 'etc/\u1112\u1161\u11ab'],
  ['hangul_half_composed', 'a syllable and a final that composes with it', 'etc/\ud558\u11ab'],
  ['accent_alone', 'an accent that nothing composes with', 'etc/q\u0323'],
  ['singleton', 'the sign of Kelvin, whose normal form is a K', 'etc/\u212a'],
  ['compatibility', 'an ideograph that is another one in its normal form', 'etc/\uf900'],
  ['ligature', 'a ligature', 'etc/\ufb01le'],
  ['no_break_space', 'a space that does not break', 'etc/a\u00a0b'],
  ['wide_space', 'a wide space', 'etc/a\u3000b'],
  ['zero_width_space', 'a space without width', 'etc/mo\u200btd'],
  ['joiner', 'a joiner', 'etc/mo\u200dtd'],
  ['soft_hyphen', 'a soft hyphen', 'etc/mo\u00adtd'],
  ['byte_order_mark', 'a byte order mark at the start', '\ufeffetc/motd'],
  ['filler', 'a filler, which is a letter without a form', 'etc/mo\u3164td'],
  ['variation', 'a variation selector', 'etc/motd\ufe0f'],
  ['line_separator', 'a line separator', 'etc/mo\u2028td'],
  ['replacement', 'what stands for bytes that were none', 'etc/mo\ufffdtd'],
  ['private', 'a code point of private use', 'etc/\ue000'],
  ['noncharacter', 'a code point that is no character', 'etc/\uffff'],
  ['unassigned', 'a code point that is nothing yet', 'etc/\u0378'],
  ['emoji', 'a code point above U+FFFF', 'etc/\u{1f959}'],
  ['right_to_left', 'letters that are written from the right', 'etc/\u05d0\u05d1'],
  ['division_slash', 'a slash that divides', 'etc\u2215motd'],
  ['fraction_slash', 'a slash of fractions', 'etc\u2044motd'],
  ['stroke', 'an ideograph that is a slash to the eye', 'etc\u4e3fmotd'],
  ['click', 'a letter that is a bar to the eye', 'etc/a\u01c0b'],
  ['leader', 'dots that are others', 'etc/\u2024\u2024/motd'],
  ['middle_dot', 'a dot in the middle', 'etc/a\u00b7b'],
  ['bidi', 'a character that turns the direction of text', 'etc/\u202edtom'],
  ['fullwidth', 'a full-width slash and dots', 'etc/\uff0e\uff0e\uff0fmotd'],
  ['part_256', 'a part of 256 bytes', `etc/${'a'.repeat(256)}`],
  ['part_256_utf8', 'a part of 129 characters and 257 bytes', `etc/a${'\u00e9'.repeat(128)}`],
  ['path_1025', '1,025 bytes', `${'a/'.repeat(512)}b`],
  ['path_1025_utf8', '513 characters and 1,025 bytes', `${'\u00e9/'.repeat(341)}\u00e9`],
];

/** Of docs/format.md, "Names". */
const NAME_ENDS = [
  '\u00c0\u00d6\u00d8\u00f6\u00f8\u0131\u0134\u013e\u0141\u0148\u014a\u017e\u0180\u01bf\u01cd\u01f0\u01f4\u024f',
  '\u1e00\u1e99\u1e9e\u1eff\u2019',
  '\u0386\u0388\u038a\u038c\u038e\u03a1\u03a3\u03ce\u0400\u0481\u048a\u052f\u0531\u0556\u0561\u0586\u10d0\u10fa',
  '\u3005\u3007\u3041\u3096\u30a1\u30fa\u30fc\u3400\u4dbf\u4e00\u4e3e\u4e40\u9fff\uac00\ud7a3',
].join('/');

const METADATA: readonly (readonly [name: string, says: string, line: string])[] = [
  ['unknown', 'a name that is not known', 'color\tblue'],
  ['no_tab', 'no tab', 'hostname lab1'],
  ['empty_name', 'no name', '\tlab1'],
  ['constructor', 'a name that objects have by themselves', 'constructor\tx'],
  ['hostname_empty', 'an empty host name', 'hostname\t'],
  ['hostname_space', 'a space in a host name', 'hostname\tlab 1'],
  ['hostname_dash', 'a host name that begins with a dash', 'hostname\t-lab'],
  ['hostname_long', 'a host name of 65 characters', `hostname\t${'a'.repeat(65)}`],
  ['made_at_zero', 'a leading zero', 'madeAt\t01'],
  ['made_at_late', 'after the year 9999', 'madeAt\t253402300800'],
  ['made_at_negative', 'a negative time', 'madeAt\t-1'],
  ['generation_zero', 'generation 0', 'generation\t0'],
  ['generation_large', 'generation 65536', 'generation\t65536'],
  ['generation_padded', 'a leading zero', 'generation\t02'],
  ['timezone_up', 'a time zone that leaves its folder', 'timezone\t../../etc/shadow'],
  ['timezone_absolute', 'a time zone with an absolute path', 'timezone\t/etc/localtime'],
  ['swap', 'swap of a kind that is not known', 'swap\tfile'],
  ['swap_device', 'swap on something that is not a device', 'swap\tdisk:/etc/shadow'],
  ['unit_kind', 'something that is not a unit', 'enable\tssh'],
  ['unit_path', 'a unit with a slash', 'enable\t../evil.service'],
  ['unit_option', 'units with an empty one between', 'enable\ta.service  b.service'],
  ['units_none', 'an empty list', 'enable\t'],
  ['units_order', 'units out of order', 'mask\tb.service a.service'],
  ['units_twice', 'a unit twice', 'disable\ta.service a.service'],
  ['alias_folder', 'another name that leaves the folder', 'alias\t../a.service=b.service'],
  ['alias_itself', 'another name of nothing', 'alias\ta.service'],
  ['alias_path', 'a name for a path', 'alias\ta.service=/opt/b.service'],
  ['alias_type', 'another name of another type of unit', 'alias\ta.socket=b.service'],
  ['wants_folder', 'a link outside of the folder of units', 'wants\t../a.target.wants/b.service'],
  ['wants_kind', 'a folder that pulls nothing in', 'wants\ta.target.d/b.service'],
  ['wants_nobody', 'a link that nobody pulls in', 'wants\tb.service'],
  ['wants_scope', 'a link in a scope that is not known', 'wants\tglobal/a.target.wants/b.service'],
  ['wants_deep', 'a link below another', 'wants\ta.target.wants/b.target.wants/c.service'],
  ['image_empty', 'an image without a version', 'image\t'],
  ['image_long', 'a version of 65 characters', `image\t${'1'.repeat(65)}`],
  ['baseline_short', 'a digest that is cut', 'baseline\t0123abcd'],
  ['paths_short', 'a digest of paths that is cut', 'paths\t0123abcd'],
  ['attestation_padded', 'base64 with padding', 'attestation\tAAA='],
  ['endorsement_padded', 'an endorsement key with padding', 'endorsement\tAAA='],
  ['endorsement_4097', 'an endorsement that is too long', `endorsement\t${'A'.repeat(4097)}`],
  ['activation_empty', 'an activation of nothing', 'activation\t'],
  ['activation_1025', 'an activation that is too long', `activation\t${'A'.repeat(1025)}`],
  ['attestation_4097', 'an attestation that is too long', `attestation\t${'A'.repeat(4097)}`],
  ['baseline_capital', 'a digest in capitals', `baseline\t${'AB'.repeat(32)}`],
  ['fresh_short', 'a code that is cut', 'fresh\t0123abcd'],
  ['fresh_capital', 'a code in capitals', `fresh\t${'AB'.repeat(16)}`],
  ['left_long', 'a digest of 9 digits', 'left:etc/hosts\t0123abcde'],
  ['left_capital', 'a digest in capitals', 'left:etc/hosts\t0123ABCD'],
  ['answer_name', 'the name of an answer with a capital', 'answer:Name\tx'],
  ['answer_escape', 'an escape in an answer', 'answer:name\t\x1b[31m'],
  ['answer_tab', 'a tab in an answer', 'answer:name\ta\tb'],
  ['answer_long', 'an answer of 1,025 bytes', `answer:name\t${'\u00e9'.repeat(512)}e`],
];

const fullMetadata = {
  ...{ hostname: 'lab1.example.org', madeAt: 253_402_300_799, madeBy: 'coatcheck-agent 0.1.0' },
  ...{ keySource: 'tpm', timezone: 'America/Argentina/Ushuaia', swap: 'disk:/dev/vda2', generation: 65_535 },
  enable: ['getty@tty1.service', 'ssh.service'],
  disable: ['cups.socket'],
  mask: ['ctrl-alt-del.target'],
  alias: ['default.target=multi-user.target', 'user/a@.service=b@.service'],
  wants: ['multi-user.target.wants/getty@tty2.service', 'user/a.target.upholds/b\\x2dc.socket'],
  ...{ image: '2026.11 (rc 1)', baseline: '0a'.repeat(32), paths: '0b'.repeat(32), attestation: 'AZ_-', endorsement: 'AZ_-', activation: '_-AZ', left: { 'etc/hosts': '0123abcd' } },
  fresh: '0c'.repeat(16),
  restart: { 'etc/ssh/sshd_config': ['ssh.service'], 'etc/a b': ['a.service', 'b.service'] },
  answers: { empty: '', greeting: 'd\u00f6ner \u{1f959}' },
};

/** What decodeManifest checks. */
export function manifest(): Vector[] {
  const { accepts, refuses } = suite('manifest', 'manifest');
  const good = encodeManifest(manifestOf());
  const limits = raw({
    paths: Array.from({ length: MAX_FILES }, (_, i) => `f${String(i).padStart(4, '0')}`),
  });
  const files = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `f${10_000 + i}`);
  const full = MAX_MANIFEST_BYTES - raw({ sizes: ['1000000'] }).length;
  return [
    accepts('ok', 'two files', good),
    accepts('ok_empty', 'no files, no metadata', raw({ paths: [] })),
    accepts(
      'ok_metadata',
      'every kind of metadata',
      encodeManifest(manifestOf({ metadata: fullMetadata })),
    ),
    accepts(
      'ok_modes',
      'the modes 0 and 777, owners with the largest number',
      raw({
        paths: ['a', 'b'],
        attributes: ['0 root 0 root 0', '777 Debian-exim 4294967294 _ssh$ 4294967294'],
      }),
    ),
    accepts(
      'ok_names',
      'a path of the oddest printable characters',
      withPath('etc/- ~!"#$%&\'()*;<>?[\\]^`{|}'),
    ),
    accepts(
      'ok_utf8',
      'names of several scripts, as NetworkManager gives them, sorted by bytes',
      raw({
        paths: [
          'Conexi\u00f3n cableada 1',
          'Wired connection 1',
          'W\u2019',
          '\u0395\u03bd\u03c3\u03cd\u03c1\u03bc\u03b1\u03c4\u03b7 \u03c3\u03cd\u03bd\u03b4\u03b5\u03c3\u03b7 1',
          '\u041f\u0440\u043e\u0432\u043e\u0434\u043d\u043e\u0435 \u0441\u043e\u0435\u0434\u0438\u043d\u0435\u043d\u0438\u0435 1',
          '\u6709\u7dda\u63a5\u7d9a 1',
          '\uc720\uc120 \uc5f0\uacb0 1',
        ],
      }),
    ),
    accepts(
      'ok_utf8_ends',
      'the first and the last of each range of the table of names',
      withPath(NAME_ENDS),
    ),
    accepts(
      'ok_utf8_part_255',
      'parts of 85 characters and 255 bytes',
      withPath(`${'\u6709'.repeat(85)}/${'\u6709'.repeat(85)}`),
    ),
    accepts('ok_dots', 'parts that only look like dots', withPath('.../..a/.b')),
    accepts(
      'ok_longest_path',
      '1,024 bytes, parts of 255',
      withPath(`${`${'a'.repeat(255)}/`.repeat(3)}${'a'.repeat(254)}/b`),
    ),
    accepts('ok_1024_files', 'as many files as may be', limits),
    accepts(
      'ok_1_mib',
      'as large as may be',
      raw({ sizes: [String(full)], content: 'x'.repeat(full) }),
    ),
    accepts(
      'ok_order',
      'sorted by bytes, not by folder',
      raw({ paths: ['a', 'a-b', 'a.b', 'ab/c', 'b'] }),
    ),
    refuses(
      '1_mib_1',
      'manifest_too_large',
      'a byte over 1 MiB',
      raw({ sizes: [String(full + 1)], content: 'x'.repeat(full + 1) }),
    ),
    refuses('1025_files', 'too_many_files', 'a file too many', raw({ paths: files(1025) })),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('cut_in_head', 'truncated', 'ends in the base', good.subarray(0, 95)),
    refuses('cut_in_text', 'truncated', 'ends in a line', good.subarray(0, 120)),
    refuses('cut_in_content', 'truncated', 'the last byte is missing', good.subarray(0, -1)),
    refuses(
      'trailing',
      'trailing_bytes',
      'a byte after the last file',
      concat(good, Uint8Array.of(10)),
    ),
    refuses(
      'sign_key',
      'bad_public_key',
      'the key of the node is of small order',
      patch(good, 0, '00'.repeat(32)),
    ),
    refuses(
      'box_key',
      'bad_public_key',
      'the box key of the node is of small order',
      patch(good, 32, '00'.repeat(32)),
    ),
    ...PATHS.map(([name, says, path]) => refuses(`path_${name}`, 'bad_path', says, withPath(path))),
    refuses(
      'path_not_utf8',
      'bad_encoding',
      'a path with a lone byte of UTF-8',
      patch(withPath('etc/motd'), 98, 'ff'),
    ),
    refuses(
      'path_overlong',
      'bad_encoding',
      'a slash in two bytes of UTF-8',
      patch(withPath('etcXXmotd'), 100, 'c0af'),
    ),
    refuses(
      'path_file_and_folder',
      'bad_path',
      'a file that is also a folder',
      raw({ paths: ['etc', 'etc-a', 'etc/motd'] }),
    ),
    refuses('path_twice', 'duplicate', 'a path twice', raw({ paths: ['a', 'a'] })),
    refuses('path_order', 'unsorted', 'paths out of order', raw({ paths: ['b', 'a'] })),
    refuses(
      'path_order_by_folder',
      'unsorted',
      'sorted by folder, not by bytes',
      raw({ paths: ['a/b', 'a-b'] }),
    ),
    refuses('mode_setuid', 'bad_mode', 'setuid', withAttributes('4755 root 0 root 0')),
    refuses('mode_setgid', 'bad_mode', 'setgid', withAttributes('2755 root 0 root 0')),
    refuses('mode_sticky', 'bad_mode', 'sticky', withAttributes('1777 root 0 root 0')),
    refuses(
      'mode_leading_zero',
      'bad_mode',
      'a leading zero',
      withAttributes('0644 root 0 root 0'),
    ),
    refuses(
      'mode_decimal',
      'bad_mode',
      'a digit that is not octal',
      withAttributes('648 root 0 root 0'),
    ),
    refuses('mode_symbolic', 'bad_mode', 'letters', withAttributes('u=rw root 0 root 0')),
    refuses('owner_empty', 'bad_owner', 'no name', withAttributes('644  0 root 0')),
    refuses('owner_number', 'bad_owner', 'a number for a name', withAttributes('644 0 0 root 0')),
    refuses(
      'owner_colon',
      'bad_owner',
      'a name that would break /etc/passwd',
      withAttributes('644 a:b 0 root 0'),
    ),
    refuses(
      'owner_long',
      'bad_owner',
      '33 characters',
      withAttributes(`644 ${'a'.repeat(33)} 0 root 0`),
    ),
    refuses('owner_uid_large', 'bad_owner', '2^32', withAttributes('644 root 4294967296 root 0')),
    refuses('owner_uid_keep', 'bad_owner', '2^32 - 1', withAttributes('644 root 4294967295 root 0')),
    refuses('owner_uid_zero', 'bad_owner', 'a leading zero', withAttributes('644 root 00 root 0')),
    refuses(
      'owner_uid_negative',
      'bad_owner',
      'a negative number',
      withAttributes('644 root -1 root 0'),
    ),
    refuses('group_number', 'bad_owner', 'a number for a group', withAttributes('644 root 0 0 0')),
    refuses('group_missing', 'bad_owner', 'no group', withAttributes('644 root 0')),
    refuses('attributes_more', 'bad_owner', 'a sixth word', withAttributes('644 root 0 root 0 x')),
    refuses('attributes_fewer', 'non_canonical', 'fewer lines than paths', raw({ attributes: [] })),
    refuses('sizes_more', 'non_canonical', 'more sizes than paths', raw({ sizes: ['0', '0'] })),
    refuses('size_leading_zero', 'non_canonical', 'a leading zero', raw({ sizes: ['00'] })),
    refuses('size_plus', 'non_canonical', 'a sign', raw({ sizes: ['+0'] })),
    refuses('size_hex', 'non_canonical', 'hexadecimal', raw({ sizes: ['0x1'], content: 'x' })),
    refuses('size_beyond', 'truncated', 'more than there is', raw({ sizes: ['2'], content: 'x' })),
    refuses('size_huge', 'truncated', 'more than there can be', raw({ sizes: ['9999999999'] })),
    ...METADATA.map(([name, says, line]) =>
      refuses(`metadata_${name}`, 'bad_metadata', says, withMetadata(line)),
    ),
    refuses(
      'metadata_restart_path',
      'bad_path',
      'units to restart for a path with two dots',
      withMetadata('restart:../etc\ta.service'),
    ),
    refuses(
      'metadata_restart_order',
      'bad_path',
      'in the order of their bytes, which is not that of UTF-16; but no path',
      withMetadata('restart:\uff21\ta.service', 'restart:\u{1f959}\ta.service'),
    ),
    refuses(
      'metadata_restart_order_utf16',
      'unsorted',
      'in the order of UTF-16, which is not that of their bytes',
      withMetadata('restart:\u{1f959}\ta.service', 'restart:\uff21\ta.service'),
    ),
    refuses(
      'path_surrogates',
      'bad_encoding',
      'a code point above U+FFFF in two surrogates of UTF-8',
      patch(withPath('etcXXXXXXmotd'), 100, 'eda0bcedb580'),
    ),
    refuses(
      'metadata_twice',
      'duplicate',
      'a name twice',
      withMetadata('hostname\ta', 'hostname\tb'),
    ),
    refuses(
      'metadata_order',
      'unsorted',
      'names out of order',
      withMetadata('madeAt\t1', 'hostname\ta'),
    ),
  ];
}
