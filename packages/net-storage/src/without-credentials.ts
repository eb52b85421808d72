/** What a program printed, without the users and passwords of addresses in it. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^@/\s]*@/g, '$1')
}
