import { scriptsIn } from 'shipit-capistrano'

/** This package's scripts for servers. */
export const serverScript = scriptsIn(new URL('../../server/', import.meta.url))
