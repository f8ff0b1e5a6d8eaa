import { equalBytes } from '../../bundle/bytes.ts';
import { readNode } from '../../functions/approval/record.ts';
import { codeOf } from '../../protocol/errors.ts';
import * as actions from './actions.ts';
import type { Action } from './actions.ts';
import { attack } from './attacks.ts';
import { historyOf, judge, recordOf } from './judge.ts';
import { Scene } from './scene.ts';
import type { SceneOptions, Tally } from './scene.ts';
import { readObjects } from './stage.ts';
import { Subject } from './subject.ts';

const ACTORS = 8;
/** How often somebody's late requests arrive, of each operation. */
const LANDING_RATE = 0.3;

/** What there is to do, in the proportions in which it is done. */
const ACTIONS: readonly [[name: string, act: Action], ...[name: string, act: Action][]] = [
  ['propose', actions.propose],
  ['propose', actions.propose],
  ['approve', actions.approve],
  ['approve', actions.approve],
  ['approve', actions.approve],
  ['reject', actions.reject],
  ['approve as node', actions.approveAsNode],
  ['approve again', actions.approveAgain],
  ['withdraw', actions.withdraw],
  ['send again', actions.sendAgain],
  ['repair', actions.repair],
  ['list', actions.list],
  ['boot', actions.boot],
  ['look', actions.look],
  ['attack', attack],
];

/**
 * One store, a few nodes, and everybody at work on them at once: nodes that propose and boot,
 * administrators of whom some remember more and some know less, repairers, processes that die, a
 * store that fails, somebody who writes the bucket, and a change of the keyset. Then the judge.
 */
export class Generation {
  /** What each operation came to. */
  readonly transcript: string[] = [];
  readonly #scene: Scene;
  readonly #subjects: readonly Subject[];
  readonly #operations: number;
  readonly #changeKeysetAt: number;
  #begun = 0;

  constructor({ operations, ...options }: SceneOptions & { readonly operations: number }) {
    const { cast, random } = options;
    this.#scene = new Scene(options);
    this.#operations = operations;
    this.#subjects = cast.nodes.map(
      ({ identity, drafts }) => new Subject(identity, drafts, random.chance(0.5)),
    );
    // In every other generation it is never reached.
    this.#changeKeysetAt = random.below(2 * operations);
  }

  get tally(): Tally {
    return this.#scene.tally;
  }

  /** Everything that went wrong; empty if every promise was kept. */
  async run(): Promise<string[]> {
    await Promise.all(Array.from({ length: ACTORS }, () => this.#act()));
    await this.#scene.calm();
    const faults: string[] = [];
    for (const subject of this.#subjects) faults.push(...(await this.#judge(subject)));
    return faults;
  }

  async #act(): Promise<void> {
    const scene = this.#scene;
    while (this.#begun < this.#operations) {
      const n = ++this.#begun;
      if (n === this.#changeKeysetAt) await scene.changeKeyset();
      const which = scene.random.below(this.#subjects.length);
      const [name, act] = scene.random.pick(ACTIONS);
      const result = await act(scene, this.#subjects[which]!);
      scene.count(`${name}: ${result}`);
      this.transcript.push(`${n} ${name} ${which}: ${result}`);
      if (scene.random.chance(LANDING_RATE)) await scene.land();
    }
  }

  async #judge(subject: Subject): Promise<string[]> {
    const { cast, stage, engine, keysetChangedAt } = this.#scene;
    const { ledger } = subject;
    const faults: string[] = [];
    try {
      await engine.repair({ store: stage.store, site: cast.site, node: ledger.node });
      await actions.boot(this.#scene, subject);
    } catch (error) {
      faults.push(`a repair of a quiet store failed: ${codeOf(error)}`);
    }
    const objects = await readObjects(stage.bucket, ledger.node);
    faults.push(...judge(ledger, objects, keysetChangedAt));
    const ours = recordOf(historyOf(objects, ledger), ledger);
    const theirs = (await readNode(stage.bucket, cast.site, ledger.node)).entries;
    const agree =
      theirs.length === ours.length &&
      theirs.every(({ slot, frame }, i) => {
        const { slot: here, frame: decided } = ours[i]!;
        return slot === here && equalBytes(frame.statementDigest, decided.statement.digest);
      });
    if (!agree) faults.push('the engine reads another record than the judge');
    this.#scene.count('decisions in the record', ours.length);
    return faults;
  }
}
