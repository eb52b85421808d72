export { archiverContract, type ArchiverContractOptions } from './archiver-contract.js'
export { installerContract, type InstallerContractOptions } from './installer-contract.js'
export { scmContract, type ScmContractOptions, type ScmRepository } from './scm-contract.js'
export { transportContract, type TransportContractOptions } from './transport-contract.js'
