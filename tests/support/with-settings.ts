/** A shipitfile: the example with more settings, from `SETTINGS` (JSON), and without its build. */
export const WITH_SETTINGS = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  const { netStorage, ...settings } = JSON.parse(process.env.SETTINGS)
  Object.assign(shipit.config, settings)
  Object.assign(shipit.config.netStorage, netStorage)
  shipit.blTask('assets:build', () => {})
}
`
