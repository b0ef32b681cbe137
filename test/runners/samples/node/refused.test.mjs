import { test } from 'node:test'
import { refuses } from '../body.mjs'

test('errors are typed', refuses)
