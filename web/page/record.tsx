import { UNKNOWN, UNKNOWN_OF_FILE } from '../../words/record.ts';

/**
 * Where a record is verified by `web/log/browser.ts`.
 * @param record where the page asks for it; absent in a file, which has it
 * @param digest of the keyset that is trusted, where that is known here
 */
export function RecordPart({ record, digest }: { record?: string; digest?: string }) {
  const isFile = record === undefined;
  return (
    <>
      <noscript>
        <p class="caution">A script of this page verifies the record: this browser runs none.</p>
      </noscript>
      <form id="prove" class="confirm">
        <label>
          Digest of a keyset of this site, or its eight words
          <input
            name="digest"
            required
            autocomplete="off"
            spellcheck={false}
            {...(digest === undefined ? {} : { value: digest })}
          />
        </label>
        <p class="dim">
          {isFile
            ? 'Have it from an administrator, by another way than this file: coatcheck keys list says it. A keyset is who the administrators are; all that is verified here is verified by this one.'
            : 'This is that of the site.json beside the key. Another keyset of this site can be entered.'}
        </p>
        <button>Verify</button>
      </form>
      <p id="verdict" role="status"></p>
      <div id="proof" {...(isFile ? {} : { 'data-record': record })}></div>
      <section aria-labelledby="unknown">
        <h2 id="unknown">What this page cannot know</h2>
        <ul>
          {[...UNKNOWN, ...(isFile ? [UNKNOWN_OF_FILE] : [])].map((text) => (
            <li>{text}</li>
          ))}
        </ul>
      </section>
    </>
  );
}
