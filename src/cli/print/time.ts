/** Points in time, for people. */

const two = (value: number): string => String(value).padStart(2, '0')

/** Local time, `2014-06-16 03:40:14`, as virsh prints a lease's expiry (strftime `%Y-%m-%d %H:%M:%S`). */
export function localTime (time: Date): string {
  const day = [String(time.getFullYear()).padStart(4, '0'), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${day} ${[two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())].join(':')}`
}
