// Adds up vitest's JSON reports and prints `N passed, N failed`. Exits 1 when anything failed, and also when a report
// is missing or empty: a run that crashed before it wrote one must not count as a run without failures.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

const totals = { passed: 0, failed: 0 }

for (const path of process.argv.slice(2)) {
  const { passed, failed, skipped } = read(path)
  totals.passed += passed
  totals.failed += failed
  console.log(`${basename(path, '.json')}: ${passed} passed, ${failed} failed, ${skipped} skipped`)
}

console.log(`${totals.passed} passed, ${totals.failed} failed`)
if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1

function read(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'))
    // A file that could not even be loaded has no failed test in it, and would otherwise go unseen.
    const unloaded = report.testResults.filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    )
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + unloaded.length,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } catch (error) {
    console.error(`No usable report in ${path}: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
