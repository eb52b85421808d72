/**
 * Throws an error that ends the process with its message alone: shipit-cli rethrows what goes wrong while it
 * initialises as an uncaught exception, which Node prints with a stack.
 */
export function throwForPeople(error: Error): never {
  process.once('uncaughtException', (thrown) => {
    console.error(thrown === error ? error.toString() : thrown)
    process.exit(1)
  })
  throw error
}
