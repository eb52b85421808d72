/** A text for people: addresses in it lose user and password. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/\s]*@/g, '$1')
}
