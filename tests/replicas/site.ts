import { makeAdmin, makeSite } from '../support/site.ts';

/** Two administrators, each of whom decides alone: they get in each other's way. Servers are named by DNS. */
export const { site: SITE, admins: ADMINS } = makeSite({
  name: 'replicas',
  admins: [makeAdmin('ada'), makeAdmin('bob')],
});

export const DOMAIN = 'lan';
export const BUCKET = 'config';
export const STORE = 'http://store.lan:9000';
export const REPLICAS = ['one', 'two', 'three'].map((name) => `http://${name}.${DOMAIN}:8420`);
