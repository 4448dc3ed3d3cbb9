import { defineConfig } from 'vitest/config'

const report = process.env.TEST_REPORT

/** A project for each folder of tests: `vitest run --project unit` is the quick one, and starts no service. */
const project = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ['test/support/end-with-the-run.ts'],
    testTimeout,
    hookTimeout: 120_000,
  },
})

export default defineConfig({
  test: {
    // For .ci/run, which adds up the reports of its runs.
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    // Once a run, not once a project. Costs nothing by itself: databases and the build start when a test asks for them.
    globalSetup: ['test/support/global-setup.ts'],
    projects: [project('unit', 10_000), project('integration', 60_000), project('faults', 180_000)],
    coverage: {
      provider: 'v8',
      include: ['config/**/*.ts', 'src/**/*.ts', 'worker/**/*.ts', 'local/**/*.ts'],
      // The demo, like cli/, is only ever run as a process of its own, which coverage does not see.
      exclude: ['local/demo/**'],
      // The figures are wanted most when something is wrong.
      reportOnFailure: true,
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 90, statements: 90, functions: 90, branches: 85 },
    },
  },
})
