import * as v from 'valibot';
import { utf8 } from '../bundle/index.ts';
import { readLocalFile } from '../files/read.ts';
import { textIn } from '../files/text.ts';
import { replaceFile } from '../files/write.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { parseExpiry } from '../words/time.ts';
import type { Home } from './home.ts';

/** As `--expires` takes it, but for a date, which would be over one day. */
const FROM_NOW = /^(\d{1,6}[mhdw]|never)$/;

const DefaultsFile = v.strictObject({
  coatcheck: v.literal('defaults/1'),
  expires: v.pipe(v.string(), v.regex(FROM_NOW)),
});

/** How long what is approved is good for unless `--expires` says; undefined where nobody chose. @throws file_malformed */
export async function defaultExpires({ defaultsFile }: Home): Promise<string | undefined> {
  let text: string;
  try {
    text = textIn(await readLocalFile(defaultsFile, { maxBytes: 4096 }), defaultsFile);
  } catch (error) {
    if (hasCode(error, 'file_missing')) return undefined;
    throw error;
  }
  try {
    return v.parse(DefaultsFile, JSON.parse(text)).expires;
  } catch (cause) {
    throw fail(
      'file_malformed',
      `${defaultsFile} does not say how long approvals are good for: set it again with coatcheck site expires`,
      { cause },
    );
  }
}

/** Chooses it. @param text such as `90d`. @throws usage, what cannot be written */
export async function setDefaultExpires({ defaultsFile }: Home, text: string): Promise<void> {
  if (!FROM_NOW.test(text)) {
    throw fail('usage', 'what is approved is good for a time such as 90d or 12w, or never');
  }
  parseExpiry(text, Math.floor(Date.now() / 1000));
  const file: v.InferInput<typeof DefaultsFile> = { coatcheck: 'defaults/1', expires: text };
  await replaceFile(defaultsFile, utf8(`${JSON.stringify(file)}\n`), 0o644);
}
