import { test } from 'node:test'
import { works } from '../body.mjs'

test('a network comes and goes', works)
