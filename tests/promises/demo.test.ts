import { expect, it } from 'vitest'
import { closing } from '../../demo/closing.js'

it('prints what is left running', () => {
  const ended = closing({ seconds: 41.6, stay: false })
  expect(ended).toContain('The demo took 42 s, and nothing is left running.')
  expect(ended).toContain('--stay')
  const staying = closing({ seconds: 41.6, stay: true })
  expect(staying).toContain('the servers stay up until you end the demo')
  expect(staying).not.toMatch(/left running|--stay/)
})
