import { expect, it } from 'vitest'
import { sshArguments } from './ssh-arguments.js'

it('passes odd users, keys and hosts unchanged, never as options', () => {
  const args = sshArguments(
    { server: { host: '-oProxyCommand=pwned', user: 'a b', port: 2222 }, key: '/a key', connectTimeout: 15 },
    'true',
  )
  expect(args.slice(-5)).toEqual(['-l', 'a b', '--', '-oProxyCommand=pwned', 'true'])
  expect(args.join(' ')).toContain('-p 2222 -i /a key')
})

it("puts the user's own options first, as ssh uses the first value", () => {
  const server = { host: 'web1', extraSshOptions: { ServerAliveInterval: 3, ProxyJump: 'jump' } }
  const args = sshArguments({ server, connectTimeout: 15, strict: 'yes' }, 'true')
  const options = args.filter((_, index) => args[index - 1] === '-o')
  expect(options.indexOf('ServerAliveInterval=3')).toBeLessThan(options.indexOf('ServerAliveInterval=15'))
  expect(options).toContain('StrictHostKeyChecking=yes')
  expect(options).toContain('ProxyJump=jump')
})
