export { archiverContract, type ArchiverContractOptions } from './archiver-contract.js'
export { transportContract, type TransportContractOptions } from './transport-contract.js'
