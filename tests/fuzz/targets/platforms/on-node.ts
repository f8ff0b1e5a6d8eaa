export { runVector } from '../../../vectors/run.ts';
