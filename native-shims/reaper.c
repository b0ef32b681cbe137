/*
 * The reaper: waits for the end of a process, then becomes the program that clears up after it. A program of its own, not a part of the addon.
 *
 *     netwright-reaper PROGRAM ARGUMENT...     0: a pidfd of the process
 *
 * A few pages while the process lives; no thread, no allocation, no file but that one. Nothing that is sent to the process's group, terminal or
 * service reaches it but SIGKILL: whoever ends a service signals all of its processes, and this one has work to do then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

int main (int argc, char **argv)
{
  struct pollfd process = { .fd = 0, .events = POLLIN };
  if (argc < 2) return 2;
  /* The program begins with them ignored, too; Node takes that back. */
  for (int number = 1; number < NSIG; number++) if (number != SIGCHLD) signal(number, SIG_IGN);
  /* A pidfd becomes readable when the process has ended, all of its threads with it; the number cannot be another's. */
  while (poll(&process, 1, -1) < 0) if (errno != EINTR && errno != EAGAIN && errno != ENOMEM) return 1;
  if ((process.revents & POLLIN) == 0) return 1;
  close(0);
  if (open("/dev/null", O_RDONLY) != 0) return 1;
  execv(argv[1], argv + 1);
  return 127;
}
