import { unescape } from 'node:querystring'

/** How git authenticates without credentials in the URL. */
export interface GitAccess {
  /** The URL, without user and password if it is http(s). */
  readonly url: string
  /** git configuration; a name may occur more than once. */
  readonly config: readonly (readonly [name: string, value: string])[]
  readonly env: Readonly<Record<string, string>>
}

/** A shell function; git appends the operation. */
const HELPER = `!answer() { printf 'username=%s\\npassword=%s\\n' "$SHIPIT_GIT_USERNAME" "$SHIPIT_GIT_PASSWORD"; }; answer`

/**
 * Removes user and password from an http(s) URL. git passes URLs to its own programs as arguments, which every user of the
 * machine can see, and writes them into submodules' files; a credential helper keeps them hidden.
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
    // The empty one disables the user's own helpers, which would store the password.
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
