import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Creates a gem source in a folder, with version 1.0.0 of each gem, for a Gemfile's `source`.
 * @returns its URL
 */
export async function createGemSource(directory: string, names: readonly string[]): Promise<string> {
  await mkdir(join(directory, 'gems'), { recursive: true })
  for (const name of names) {
    const source = join(directory, 'source', name)
    await mkdir(join(source, 'lib'), { recursive: true })
    await writeFile(join(source, `lib/${name}.rb`), `module ${name[0]?.toUpperCase()}${name.slice(1)}; end\n`)
    await writeFile(
      join(source, `${name}.gemspec`),
      `Gem::Specification.new { |s| s.name = '${name}'; s.version = '1.0.0'; s.summary = s.author = '${name}'; s.files = ['lib/${name}.rb'] }\n`,
    )
    const gem = join(directory, 'gems', `${name}-1.0.0.gem`)
    execFileSync('gem', ['build', '--quiet', '--output', gem, `${name}.gemspec`], {
      cwd: source,
      stdio: 'pipe',
    })
  }
  execFileSync('gem', ['generate_index', '--quiet', '--directory', directory], { stdio: 'pipe' })
  return pathToFileURL(directory).href
}
