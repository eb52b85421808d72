export { lockContract, type LockContractOptions } from './lock-contract.js'
