#!/usr/bin/env node
// Git LFS's batch API as a CGI program: returns the URLs to download objects from, or upload them to.
import { text } from 'node:stream/consumers'

const { LFS_OBJECTS: objectsUrl, HTTP_AUTHORIZATION: Authorization } = process.env
const { operation, objects } = JSON.parse(await text(process.stdin))
const answer = {
  transfer: 'basic',
  objects: objects.map(({ oid, size }) => ({
    oid,
    size,
    authenticated: true,
    actions: { [operation]: { href: `${objectsUrl}/${oid}`, header: { Authorization } } },
  })),
}
console.log(`Content-Type: application/vnd.git-lfs+json\r\n\r\n${JSON.stringify(answer)}`)
