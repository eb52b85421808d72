/** Removes user and password from URLs in a text. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/\s]*@/g, '$1')
}
