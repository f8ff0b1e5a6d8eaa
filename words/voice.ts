/**
 * Where a sentence stands that says what to do next: in a terminal by a command or an option, in a page by what
 * that has itself.
 */
export type Voice = 'terminal' | 'page';
