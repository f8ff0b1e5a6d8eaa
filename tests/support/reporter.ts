import { DefaultReporter } from 'vitest/node';
import type { TestCase, TestModule, TestSpecification, Vitest } from 'vitest/node';

const PROGRESS_MILLISECONDS = 30_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
  /** Tests that the command leaves to others: `--tags-filter`. */
  elsewhere: number;
  /** Passed tests that failed before (`COATCHECK_TRIES`), with the error of then. */
  unsteady: string[];
}

/**
 * Vitest's own report, then every skip with its reason, then `N passed, N failed, N skipped`. Where
 * no terminal shows what runs, it says so twice a minute.
 */
export default class Reporter extends DefaultReporter {
  private filter: readonly string[] = [];
  private files = 0;
  private done = 0;
  private readonly running = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  override onInit(vitest: Vitest): void {
    super.onInit(vitest);
    this.filter = vitest.config.tagsFilter ?? [];
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    this.files = specifications.length;
    const which = this.filter.includes('!long') ? 'what is not tagged `long`' : 'everything';
    console.log(`${this.files} files, ${which} in them`);
    if (!this.isTTY) this.timer = setInterval(() => this.sayProgress(), PROGRESS_MILLISECONDS);
  }

  onTestModuleStart(module: TestModule): void {
    this.running.add(`${module.project.name} ${module.relativeModuleId}`);
  }

  override onTestModuleEnd(module: TestModule): void {
    super.onTestModuleEnd(module);
    this.running.delete(`${module.project.name} ${module.relativeModuleId}`);
    this.done++;
  }

  override onTestRunEnd(...args: Parameters<DefaultReporter['onTestRunEnd']>): void {
    clearInterval(this.timer);
    super.onTestRunEnd(...args);
    const modules: readonly TestModule[] = args[0];
    const count: Count = { passed: 0, failed: 0, skipped: 0, elsewhere: 0, unsteady: [] };
    const reasons = new Map<string, number>();
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      // What fails before its tests, or behind them, fails by itself.
      const failed = tests.some((test) => test.result().state === 'failed');
      if (module.state() === 'failed' && !failed) count.failed++;
      for (const test of tests) this.tally(test, count, reasons);
    }
    if (reasons.size > 0) {
      console.log('\nSkipped:');
      for (const [reason, n] of reasons) console.log(`  ${n} x ${reason}`);
    }
    if (count.unsteady.length > 0) {
      console.log(
        '\nFailed, and passed when tried again. Each is a fault, of the test or of the program:',
      );
      for (const line of count.unsteady) console.log(`  ${line}`);
    }
    if (count.elsewhere > 0) console.log(`\n${count.elsewhere} more with \`npm run test:all\``);
    console.log(
      `\n${count.passed} passed, ${count.failed} failed` +
        (count.skipped > 0 ? `, ${count.skipped} skipped` : ''),
    );
  }

  private sayProgress(): void {
    if (this.running.size === 0) return;
    console.log(`... ${this.done} of ${this.files} files; now ${[...this.running].join(', ')}`);
  }

  private tally(test: TestCase, count: Count, reasons: Map<string, number>): void {
    const result = test.result();
    if (result.state === 'passed') {
      count.passed++;
      if (test.diagnostic()?.flaky === true) {
        const why = result.errors?.map(({ message }) => message).join('; ');
        count.unsteady.push(`${test.module.relativeModuleId} > ${test.fullName}: ${why}`);
      }
    } else if (result.state === 'failed') count.failed++;
    else if (this.filter.includes('!long') && test.tags.includes('long')) count.elsewhere++;
    else {
      count.skipped++;
      const reason = (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given';
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
}
