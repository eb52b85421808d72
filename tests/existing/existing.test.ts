import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { CASES } from './cases.js'
import { compareModes } from './compare-modes.js'
import { renderIntended } from './differences.js'

const PAGE = fileURLToPath(new URL('../../docs/existing-setups.md', import.meta.url))

compareModes(CASES.filter(({ short }) => short))

it('documents what differs, and why', async () => {
  const [start, end] = ['<!-- what differs -->\n', '<!-- end of what differs -->']
  const page = await readFile(PAGE, 'utf8')
  const [before = '', rest = ''] = page.split(start)
  const after = rest.split(end)[1] ?? ''
  const shown = `${before}${start}\n${renderIntended()}\n\n${end}${after}`
  await expect(
    await format(shown, { ...(await resolveConfig(PAGE)), parser: 'markdown' }),
  ).toMatchFileSnapshot(PAGE)
})
