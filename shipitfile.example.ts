// Deploys a Node application to any number of servers. `npm run demo` uses this file unchanged.
import capistrano, { type Shipit } from 'shipit-capistrano'
import deployLocker from 'shipit-deploy-locker'
import netStorage from 'shipit-net-storage'
import { S3Transport } from 'shipit-net-storage-s3'

const { env } = process

export default (shipit: Shipit): void => {
  const { before, after } = capistrano(shipit) // also loads shipit-deploy
  netStorage(shipit)
  deployLocker(shipit)

  // One deploy at a time across all machines that use the bucket, which holds the lock. A failed deploy releases it.
  before('deploy:starting', 'deploy:lock')
  after('deploy:finished', 'deploy:unlock')
  after('deploy:failed', 'deploy:unlock')

  // Builds once, for all servers. Skipped when storage already has the commit's archive.
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
        // Credentials come from the same places as the AWS CLI's: environment, profile, SSO, instance role.
        transport: new S3Transport({
          bucket: env['S3_BUCKET'] ?? 'deploys',
          prefix: 'shop',
          region: env['S3_REGION'] ?? 'ap-northeast-1',
          // For MinIO, Ceph and the like; not needed for Amazon S3.
          ...(env['S3_ENDPOINT'] ? { endpoint: env['S3_ENDPOINT'], forcePathStyle: true } : {}),
        }),
        // Files on this machine that are sent to the servers directly, never through storage.
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
