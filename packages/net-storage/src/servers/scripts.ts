import { scriptsIn } from 'shipit-capistrano'

/** This package's server scripts. */
export const serverScript = scriptsIn(new URL('../../server/', import.meta.url))
