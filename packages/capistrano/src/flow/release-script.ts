import { Script } from '../ssh/script.js'

/** A script of this package that asks about releases. */
export function releaseScript(name: string): Script {
  return Script.file(...['live', name].map((each) => new URL(`../../server/${each}.sh`, import.meta.url)))
}
