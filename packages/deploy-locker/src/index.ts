import * as named from './exports.js'
import deployLocker from './plugin.js'

export * from './exports.js'
export { default } from './plugin.js'

/** `require` returns the plugin function itself, as for Shipit's plugins, with the named exports as properties. */
const required = Object.assign(deployLocker, named, { default: deployLocker })
export { required as 'module.exports' }
