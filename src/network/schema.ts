/** The words that the schemas of the model are written in. */
import * as v from 'valibot'

export const text = v.pipe(v.string(), v.minLength(1))
export const integer = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))
export const list = <T extends v.GenericSchema>(item: T, most: number) => v.pipe(v.array(item), v.maxLength(most))
export const say = <T extends v.GenericSchema>(item: T, description: string) => v.pipe(item, v.description(description))
export const port = integer(1, 65535)
