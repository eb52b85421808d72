// A deploy of a Node application to any number of servers. `npm run demo` deploys with this very file.
import capistrano, { type Shipit } from 'shipit-capistrano'
import deployLocker from 'shipit-deploy-locker'
import netStorage from 'shipit-net-storage'
import { S3Transport } from 'shipit-net-storage-s3'

const { env } = process

export default (shipit: Shipit): void => {
  const { before, after } = capistrano(shipit) // loads shipit-deploy, too
  netStorage(shipit)
  deployLocker(shipit)

  // One deploy at a time, on all machines that use the bucket: the lock is kept there. A deploy that fails gives it back.
  before('deploy:starting', 'deploy:lock')
  after('deploy:finished', 'deploy:unlock')
  after('deploy:failed', 'deploy:unlock')

  // What is built here, once, is what every server gets. Skipped when storage has the commit's archive already.
  after('net_storage:prepare_archive', 'assets:build', async () => {
    await shipit.local('npm run --silent build', { cwd: shipit.netStorage.localReleaseAppPath })
  })

  shipit.initConfig({
    default: {
      application: 'shop',
      repositoryUrl: env['REPOSITORY_URL'] ?? 'git@example.com:shop.git',
      branch: env['BRANCH'] ?? 'main',
      deployTo: env['DEPLOY_TO'] ?? '/srv/shop',
      keepReleases: 5,
      netStorage: {
        // Credentials come from where the AWS CLI takes them: environment, profile, SSO, instance role.
        transport: new S3Transport({
          bucket: env['S3_BUCKET'] ?? 'deploys',
          prefix: 'shop',
          region: env['S3_REGION'] ?? 'ap-northeast-1',
          // For MinIO, Ceph and the like; not needed for Amazon's.
          ...(env['S3_ENDPOINT'] ? { endpoint: env['S3_ENDPOINT'], forcePathStyle: true } : {}),
        }),
        // Files of this machine that go to the servers directly, never through storage.
        configFiles: ['config/production/*.json'],
      },
    },
    production: {
      servers: env['SERVERS']
        ? JSON.parse(env['SERVERS'])
        : ['deploy@web1.example.com', 'deploy@web2.example.com'],
      ...(env['SSH_KEY'] ? { key: env['SSH_KEY'] } : {}),
    },
  })
}
