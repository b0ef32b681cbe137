import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { freshUuid, isUuid, parseUuid } from '../../../src/values/uuid.js'

test('uuid: is kept in lower case with hyphens, whichever way it is written', () => {
  const uuid = '81ff0d90-c91e-6742-64da-4a736edb9a9b'
  for (const text of [uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), ` ${uuid}\n`]) assert.is(parseUuid(text), uuid)
})

test('uuid: anything else is refused with its place', () => {
  for (const text of ['', 'x', '81ff0d90-c91e-6742-64da-4a736edb9a9', '81ff0d90c91e-6742-64da-4a736edb9a9b', '{81ff0d90-c91e-6742-64da-4a736edb9a9b}', '81ff0d90-c91e-6742-64da-4a736edb9a9g', '8'.repeat(100_000)]) {
    assert.throws(() => parseUuid(text, 'uuid'), (error: unknown) => error instanceof InputError && error.issues[0]?.path === 'uuid' && error.message.length < 200, text.slice(0, 50))
  }
})

test('uuid: a fresh one is random, of version 4', () => {
  const uuid = freshUuid()
  assert.ok(isUuid(uuid))
  assert.match(uuid, /^.{14}4.{4}[89ab]/)
  assert.is.not(uuid, freshUuid())
})

test.run()
