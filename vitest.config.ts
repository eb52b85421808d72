import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Without the times of an earlier run, vitest starts with the largest files; this one is small, and takes minutes. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('existing.long.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))]
  }
}

/** Tests of the whole system. */
const system = {
  globalSetup: 'tests/support/global-setup.ts',
  testTimeout: 120_000,
  hookTimeout: 120_000,
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // By default one core is left alone, which is half of two.
    maxWorkers: '100%',
    // The SDK's advice on Node versions is no news here, once a test file.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    projects: [
      { test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'] } },
      {
        test: {
          ...system,
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/*.long.test.ts'],
        },
      },
      { test: { ...system, name: 'long', include: ['tests/**/*.long.test.ts'] } },
    ],
  },
})
