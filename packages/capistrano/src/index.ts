import * as named from './exports.js'
import capistrano from './plugin.js'

export * from './exports.js'
export { default } from './plugin.js'

/** What `require` gives: the plugin's function itself, as Shipit's plugins are, with all that `import` knows as properties. */
const required = Object.assign(capistrano, named, { default: capistrano })
export { required as 'module.exports' }
