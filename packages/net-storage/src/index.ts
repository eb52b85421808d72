import * as named from './exports.js'
import netStorage from './plugin.js'

export * from './exports.js'
export { default } from './plugin.js'

/** What `require` returns: the plugin function, as with other Shipit plugins, with all named exports as properties. */
const required = Object.assign(netStorage, named, { default: netStorage })
export { required as 'module.exports' }
