/** The command line of the sandbox: mounts, processes and network of its own. */

/** The variable that says to a process which sandbox it is in: the identity of its mount namespace, so that an inherited value cannot lie. */
export const marker = 'NETWRIGHT_SANDBOX'

/**
 * Runs as process 1: prepares the mounts, then waits for the command; as a shell it also reaps orphans. What is written below /etc and /var/lib
 * stays in the sandbox, so that none sees another's /etc/netwright. Where overlays cannot be stacked (a third one) those two are shared.
 */
const prepare = `
mount -t tmpfs -o mode=755 tmpfs /run || exit 1
for at in /etc /var/lib; do
  mkdir -p /run$at/new /run$at/work
  mount -t overlay -o lowerdir=$at,upperdir=/run$at/new,workdir=/run$at/work overlay $at 2>/dev/null
done
umount /run # the overlays keep it
mount -t tmpfs -o mode=755 tmpfs /run || exit 1
mount -t sysfs sysfs /sys 2>/dev/null
ip link set lo up || exit 1
${marker}=$(readlink /proc/self/ns/mnt) "$@"
exit $?
`

/** `unshare …` around a command. Everything inside dies with the first process. Needs root. */
export function sandboxed (command: readonly string[]): { readonly file: string, readonly args: readonly string[] } {
  return { file: 'unshare', args: ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', prepare, 'sh', ...command] }
}
