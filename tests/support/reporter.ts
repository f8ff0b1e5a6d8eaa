import { DefaultReporter } from 'vitest/node';
import type { TestCase, TestModule } from 'vitest/node';

/** Vitest's own report, then every skip with its reason, then `N passed, N failed, N skipped`. */
export default class Reporter extends DefaultReporter {
  override onTestRunEnd(...args: Parameters<DefaultReporter['onTestRunEnd']>): void {
    super.onTestRunEnd(...args);
    const modules: readonly TestModule[] = args[0];
    const count = { passed: 0, failed: 0, skipped: 0 };
    const reasons = new Map<string, number>();
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0)
        count.failed++;
      for (const test of module.children.allTests()) tally(test, count, reasons);
    }
    if (reasons.size > 0) {
      console.log('\nSkipped:');
      for (const [reason, n] of reasons) console.log(`  ${n} x ${reason}`);
    }
    console.log(
      `\n${count.passed} passed, ${count.failed} failed` +
        (count.skipped > 0 ? `, ${count.skipped} skipped` : ''),
    );
  }
}

function tally(
  test: TestCase,
  count: { passed: number; failed: number; skipped: number },
  reasons: Map<string, number>,
): void {
  const result = test.result();
  if (result.state === 'passed') count.passed++;
  else if (result.state === 'failed') count.failed++;
  else {
    count.skipped++;
    const reason = (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
}
