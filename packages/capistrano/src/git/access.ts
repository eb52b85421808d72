import { unescape } from 'node:querystring'

/** What git is told, so that an address works whose user and password it is not given. */
export interface GitAccess {
  /** The address, without user and password if it is a web one. */
  readonly url: string
  /** Settings, some of them more than once. */
  readonly config: readonly (readonly [name: string, value: string])[]
  readonly env: Readonly<Record<string, string>>
}

/** A shell's function; git adds what it wants to the command. */
const HELPER = `!answer() { printf 'username=%s\\npassword=%s\\n' "$SHIPIT_GIT_USERNAME" "$SHIPIT_GIT_PASSWORD"; }; answer`

/**
 * Takes user and password out of a web address. git gives addresses to programs of its own as arguments, which every
 * user of the machine sees, and writes them into submodules' files; it asks a credential helper out of sight.
 */
export function gitAccess(repositoryUrl: string): GitAccess {
  const parts = /^(https?:\/\/)([^/?#]*)@([^/?#]*)(.*)$/is.exec(repositoryUrl)
  if (!parts) return { url: repositoryUrl, config: [], env: {} }
  const [, scheme = '', user = '', host = '', path = ''] = parts
  const colon = user.indexOf(':')
  const site = `credential.${scheme}${host}`
  const url = `${scheme}${host}${path}`
  if (colon < 0) return { url, config: [[`${site}.username`, unescape(user)]], env: {} }
  return {
    url,
    // The empty one takes away the user's own helpers: they would keep the password.
    config: [
      [`${site}.helper`, ''],
      [`${site}.helper`, HELPER],
    ],
    env: {
      SHIPIT_GIT_USERNAME: unescape(user.slice(0, colon)),
      SHIPIT_GIT_PASSWORD: unescape(user.slice(colon + 1)),
    },
  }
}
