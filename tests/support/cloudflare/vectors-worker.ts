import { verdictOf } from '../../portable/program.ts';

/** A Worker that gives its verdict on vectors: names and texts in a JSON array of pairs. */
export default {
  async fetch(request: Request): Promise<Response> {
    const asked = (await request.json()) as [name: string, text: string][];
    return Response.json(asked.map(([name, text]) => verdictOf(name, text)));
  },
};
