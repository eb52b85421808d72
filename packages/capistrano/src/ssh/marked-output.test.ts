import { array, assert, constantFrom, integer, nat, oneof, property, tuple, uint8Array } from 'fast-check'
import { expect, it } from 'vitest'
import { MarkedOutput } from './marked-output.js'

const MARK = 'mark-0123'

/** What comes out of these chunks: each script's bytes, with the answer after them, if any. */
function split(chunks: readonly Buffer[]): { printed: Buffer; answer: string | undefined }[] {
  const parts: { printed: Buffer; answer: string | undefined }[] = []
  let printed: Buffer[] = []
  const output = new MarkedOutput(
    MARK,
    (chunk) => printed.push(Buffer.from(chunk)),
    (answer) => {
      parts.push({ printed: Buffer.concat(printed), answer })
      printed = []
    },
  )
  for (const chunk of chunks) output.write(chunk)
  output.end()
  return [...parts, { printed: Buffer.concat(printed), answer: undefined }]
}

const line = (answer: string): Buffer => Buffer.from(`${MARK} ${answer}\n`)

/** Bytes, and what looks like a mark, but is none. */
const printed = array(
  oneof(
    uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    constantFrom(MARK, MARK.slice(0, 4), `${MARK}4 0\n`, 'mark', '\n', '\r\n', `x${MARK}`).map((text) =>
      Buffer.from(text),
    ),
  ),
  { maxLength: 6 },
)
  .map((parts) => Buffer.concat(parts))
  .filter((bytes) => !bytes.includes(`${MARK} `))

it('tells apart what scripts print and the answers, byte for byte, however the output is cut', () => {
  assert(
    property(
      array(tuple(printed, nat(255).map(String)), { maxLength: 4 }),
      printed,
      array(integer({ min: 1, max: 7 }), { minLength: 1 }),
      (scripts, last, lengths) => {
        const all = Buffer.concat([...scripts.flatMap(([bytes, answer]) => [bytes, line(answer)]), last])
        const chunks: Buffer[] = []
        for (let at = 0, index = 0; at < all.length; index += 1) {
          const length = lengths[index % lengths.length] ?? 1
          chunks.push(all.subarray(at, at + length))
          at += length
        }
        const expected = [
          ...scripts.map(([bytes, answer]) => ({ printed: bytes, answer })),
          { printed: last, answer: undefined },
        ]
        expect(split(chunks)).toEqual(expected)
      },
    ),
  )
})

it('passes everything on at once, unless it may be the beginning of a mark', () => {
  const taken: string[] = []
  const output = new MarkedOutput(
    MARK,
    (chunk) => taken.push(chunk.toString()),
    () => {},
  )
  for (const chunk of ['working', ' hard\nmar', 'ked']) output.write(Buffer.from(chunk))
  expect(taken).toEqual(['working', ' hard\n', 'marked'])
})
