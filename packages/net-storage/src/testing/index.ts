export { transportContract, type TransportContractOptions } from './transport-contract.js'
