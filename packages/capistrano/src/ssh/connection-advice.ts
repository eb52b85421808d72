import { quote } from './script.js'

/** Where a connection was to go. */
export interface Destination {
  readonly host: string
  readonly port?: number | undefined
}

/** What to do about what ssh says. Whatever keeps it from connecting, it ends with 255: only its words tell. */
const ADVICE: readonly (readonly [words: RegExp, advice: (destination: Destination) => string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    (destination) =>
      `This is not the host key that the server had. If it was set up anew, take the old key away, ssh-keygen -R ${knownAs(destination)}, connect once by hand with ssh, and compare the new one. If it was not, somebody may be in between.`,
  ],
  [
    /Host key verification failed/,
    () =>
      "This machine does not know the server's host key: connect once by hand with ssh, compare the key and accept it; or have new ones accepted, with strict: 'accept-new' in the settings.",
  ],
  [
    /Permission denied \(/,
    () =>
      "The server accepts none of this machine's keys for this user: check the server's user and the setting 'key', add the key to the agent (ssh-add), or to the server's authorized_keys.",
  ],
  [/Could not resolve hostname/, () => 'No address is known for the server: check its name, DNS and VPN.'],
  [
    /Connection refused/,
    () => 'The machine answers, but nothing listens there: is sshd running, and on this port?',
  ],
  [
    /timed out|No route to host|Network is unreachable/,
    () => 'Nothing answers there: is the server up, and is a firewall or VPN in between?',
  ],
]

/** What ssh said when it could not connect, with what to do about it, if that is known. */
export function withAdvice(words: string, destination: Destination): string {
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(words)) ?? []
  return advice ? `${words}\n${advice(destination)}` : words
}

/** A server's name in `known_hosts`, as a word for the shell. */
function knownAs({ host, port = 22 }: Destination): string {
  return port === 22 ? host : quote(`[${host}]:${port}`)
}
