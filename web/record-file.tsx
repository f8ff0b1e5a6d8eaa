import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Evidence } from '../admin/evidence.ts';
import { utf8 } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { escapeLine } from '../protocol/escape.ts';
import { when } from '../words/time.ts';
import { RecordPart } from './page/record.tsx';

/**
 * One HTML file that verifies this record in a browser, opened from a disk: it has script, style and record
 * in it, and its policy lets nothing else in and nothing out.
 * @returns UTF-8
 */
export async function recordFile(evidence: Evidence): Promise<Uint8Array> {
  const [script, style] = await Promise.all(['log.js', 'style.css'].map(asset));
  const policy = [
    ...["default-src 'none'", `script-src ${hashOf(script!)}`, `style-src ${hashOf(style!)}`],
    ...['img-src data:', "base-uri 'none'", "form-action 'none'"],
  ].join('; ');
  // No element ends in it: what is no letter of JSON's own is written as a number.
  const record = JSON.stringify(evidence).replaceAll('<', '\\u003c');
  const about = `${evidence.all ? 'Every machine' : count(evidence.nodes.length, 'machine')}, as read ${when(evidence.read)} by ${evidence.program}.`;
  const title = `Record of ${escapeLine(evidence.name)}`;
  const head = [
    <meta charset="utf-8" />,
    <meta http-equiv="Content-Security-Policy" content={policy} />,
    <meta name="referrer" content="no-referrer" />,
    <meta name="viewport" content="width=device-width, initial-scale=1" />,
    <title>{`${title} · coatcheck`}</title>,
    <link rel="icon" href="data:," />,
  ];
  const main = (
    <main id="main">
      <h1>{title}</h1>
      <p class="dim">{about}</p>
      <RecordPart />
    </main>
  );
  // Script and style byte for byte: their hashes are in the policy.
  return utf8(
    [
      '<!doctype html>\n<html lang="en"><head>',
      ...[...head.map(String), `<style>${style!}</style></head><body>`],
      ...[main].map(String),
      `<script type="application/json">${record}</script><script>${script!}</script>`,
      '</body></html>\n',
    ].join(''),
  );
}

/** As it stands between its tags: a browser makes a line feed of every end of a line. */
async function asset(name: string): Promise<string> {
  const text = await readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
  return text.replaceAll('\r\n', '\n');
}

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
