/**
 * Throws an error that ends the process with only its message: shipit-cli rethrows errors during initialisation as uncaught
 * exceptions, which Node prints with a stack.
 */
export function throwForPeople(error: Error): never {
  process.once('uncaughtException', (thrown) => {
    console.error(thrown === error ? error.toString() : thrown)
    process.exit(1)
  })
  throw error
}
