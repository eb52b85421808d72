import { closest, distance } from 'fastest-levenshtein'

/** The known name that was probably meant, if one is close enough. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const candidate = closest(name, known)
  return distance(name, candidate) <= Math.max(2, Math.floor(name.length / 3)) ? candidate : undefined
}

/** The known name within two letters of this one, or one letter for names of four letters or less. */
export function misspelt(name: string, known: readonly string[]): string | undefined {
  return known.find((each) => {
    const letters = distance(name.toLowerCase(), each.toLowerCase())
    return (
      letters === 1 ||
      (letters === 2 && (each.length > 4 || sorted(name) === sorted(each))) ||
      (letters === 0 && name !== each)
    )
  })
}

function sorted(word: string): string {
  return word.split('').sort().join('')
}
