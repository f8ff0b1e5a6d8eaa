import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDesk } from '../../web/desk.ts';
import { openDesk, openSession } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode } from '../support/site.ts';

let site: Desk;
beforeAll(async () => {
  site = await openDesk();
});
afterAll(() => site.close());

it('tells a page that is open already when what waits is planned', async () => {
  await site.propose(makeNode('waits'), {});
  const desk = createDesk(() => openSession(site));
  const told: unknown[] = [];
  desk.subscribe((version) => told.push([version, desk.picture().at, desk.waits().groups.length]));
  try {
    await expect.poll(() => desk.picture().at).toBeDefined();
    const { version, at } = desk.picture();
    expect(told.at(-1)).toEqual([version, at, 1]);
  } finally {
    await desk.close();
  }
});
