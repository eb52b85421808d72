import { quote } from './script.js'

/** The server to connect to. */
export interface Destination {
  readonly host: string
  readonly port?: number | undefined
}

/** Advice by ssh's message: its exit status is 255 for every connection failure. */
const ADVICE: readonly (readonly [message: RegExp, advice: (destination: Destination) => string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    (destination) =>
      `The server's host key has changed. If the server was reinstalled, remove the old key (ssh-keygen -R ${knownAs(destination)}), connect once by hand with ssh, and verify the new one. If not, this may be a man-in-the-middle attack.`,
  ],
  [
    /Host key verification failed/,
    () =>
      "This machine does not know the server's host key: connect once by hand with ssh, verify the key and accept it; or set strict: 'accept-new' to accept new keys.",
  ],
  [
    /Permission denied \(/,
    () =>
      "The server accepts none of this machine's keys for this user: check the server's user and the 'key' setting, or add the key to the agent (ssh-add) or the server's authorized_keys.",
  ],
  [
    /Could not resolve hostname/,
    () => 'No IP address was found for the server: check its name, DNS and VPN.',
  ],
  [
    /Connection refused/,
    () => 'The server is up, but nothing listens on this port: is sshd running, and is the port right?',
  ],
  [
    /timed out|No route to host|Network is unreachable/,
    () => 'The server does not answer: is it up, and is a firewall or VPN in the way?',
  ],
]

/** ssh's message about a failed connection, with advice, if there is any. */
export function withAdvice(message: string, destination: Destination): string {
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(message)) ?? []
  return advice ? `${message}\n${advice(destination)}` : message
}

/** A server's name in `known_hosts`, quoted for the shell. */
function knownAs({ host, port = 22 }: Destination): string {
  return port === 22 ? host : quote(`[${host}]:${port}`)
}
