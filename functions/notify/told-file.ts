import * as v from 'valibot';
import { utf8 } from '../../bundle/bytes.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { replaceFile } from '../../files/write.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { ToldPort } from './notifier.ts';

const ToldFile = v.strictObject({
  coatcheck: v.literal('told/1'),
  told: v.record(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), v.pipe(v.number(), v.integer())),
});

/** 100,000 events. */
const MAX_BYTES = 16 * 1024 * 1024;

/** {@link ToldPort} in a file, 0600, whole or as it was. `load` throws file_malformed for one that is none. */
export const toldFile = (path: string): ToldPort => ({
  load: async () => {
    let text: string;
    try {
      text = textIn(await readLocalFile(path, { maxBytes: MAX_BYTES }), path);
    } catch (error) {
      if (hasCode(error, 'file_missing')) return new Map();
      throw error;
    }
    try {
      return new Map(Object.entries(v.parse(ToldFile, JSON.parse(text)).told));
    } catch {
      throw fail('file_malformed', `${path} does not say what was told: all is told again`);
    }
  },
  save: async (told) => {
    const file: v.InferInput<typeof ToldFile> = {
      coatcheck: 'told/1',
      told: Object.fromEntries(told),
    };
    await replaceFile(path, utf8(`${JSON.stringify(file)}\n`), 0o600);
  },
});
