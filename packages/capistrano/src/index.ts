import * as named from './exports.js'
import capistrano from './plugin.js'

export * from './exports.js'
export { default } from './plugin.js'

/** What `require` returns: the plugin's function, as for other Shipit plugins, with all named exports as properties. */
const required = Object.assign(capistrano, named, { default: capistrano })
export { required as 'module.exports' }
