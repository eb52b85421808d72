import { expect, it } from 'vitest'
import { counted } from './counted.js'

it('counts one, none and many', () => {
  expect([0, 1, 2].map((count) => counted(count, 'server'))).toEqual(['0 servers', '1 server', '2 servers'])
  expect(counted(1, 'server is', 'servers are')).toBe('1 server is')
  expect(counted(3, 'server is', 'servers are')).toBe('3 servers are')
})
