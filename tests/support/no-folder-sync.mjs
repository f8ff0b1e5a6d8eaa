// Preloaded: a file system that cannot sync folders, as CIFS and some of FUSE cannot.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fsync, fsyncSync, fstatSync } = fs;
const code = process.env.COATCHECK_TEST_ERRNO ?? 'EINVAL';
const only = process.env.COATCHECK_TEST_ONLY ?? '';
/** @param {number} fd */
const refuses = (fd) =>
  fstatSync(fd).isDirectory() && fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith(only);
const error = () => Object.assign(new Error(`${code}: fsync`), { code, syscall: 'fsync' });

fs.fsyncSync = (fd) => {
  if (refuses(fd)) throw error();
  fsyncSync(fd);
};
fs.fsync = (fd, done) => (refuses(fd) ? done(error()) : fsync(fd, done));
syncBuiltinESMExports();
