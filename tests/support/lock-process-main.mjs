// Runs in a LockProcess.
const { places, clockOffset = 0, sameMachine = false } = JSON.parse(process.env.LOCK ?? '{}')
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

// Before loading anything that may read the clock.
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + clockOffset)
    else super(...parts)
  }
  static now() {
    return RealDate.now() + clockOffset
  }
}

const { FileLockStore, Lock } = await import('shipit-deploy-locker')
const { S3LockStore } = await import('shipit-net-storage-s3')
const locks = {
  file: new Lock(new FileLockStore(places.file)),
  s3: new Lock(new S3LockStore(places.s3)),
}
const KEY = 'shop.production'
let held

const take = ({ place, user }) =>
  locks[place].acquire({
    key: KEY,
    user,
    reason: 'a test',
    ...(sameMachine ? {} : { isAlive: async () => undefined }),
  })

const commands = {
  async acquire(details) {
    try {
      held = await take(details)
      return { token: held.fencingToken, tookOverFrom: held.tookOverFrom ?? null }
    } catch (error) {
      return error.code === 'E_LOCK_HELD' ? { refusedBy: error.holder } : { error: String(error) }
    }
  },
  confirm: () =>
    held.confirm().then(
      () => null,
      (error) => error.message,
    ),
  release: () => held.release().then(() => null, String),
  break: async (place) => (await locks[place].break(KEY, { user: 'breaker', reason: 'a test' })) ?? null,
  block(milliseconds) {
    for (const until = performance.now() + milliseconds; performance.now() < until;);
    return null
  },
}

const answer = async ({ id, command, argument }) => {
  try {
    process.send({ id, value: await commands[command](argument) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
}
process.on('message', (message) => void answer(message))
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.send('ready')
