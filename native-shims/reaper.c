/*
 * The reaper: waits for the end of a process, then becomes the program that clears up after it. A program of its own, not a part of the addon.
 *
 *     netwright-reaper [-t MILLISECONDS] PROGRAM ARGUMENT...     0: a pidfd of the process
 *
 * With -t it waits no longer than that, by a clock that goes on while the machine sleeps.
 *
 * A few pages while the process lives; no thread, no allocation, no file but that one. Nothing that is sent to the process's group, terminal or
 * service reaches it but SIGKILL: whoever ends a service signals all of its processes, and this one has work to do then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Readable when the time is over; negative where there is none. */
static int timer_of (const char *milliseconds)
{
  long long time = atoll(milliseconds);
  struct itimerspec end = { .it_value = { .tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000 } };
  int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  if (fd < 0) return -1;
  if (time <= 0) end.it_value.tv_nsec = 1; /* at once; zero would mean never */
  return timerfd_settime(fd, 0, &end, NULL) == 0 ? fd : -1;
}

int main (int argc, char **argv)
{
  struct pollfd ends[2] = { { .fd = 0, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
  if (argc > 3 && strcmp(argv[1], "-t") == 0) {
    if ((ends[1].fd = timer_of(argv[2])) < 0) return 1;
    argv += 2;
    argc -= 2;
  }
  if (argc < 2) return 2;
  /* The program begins with them ignored, too; Node takes that back. */
  for (int number = 1; number < NSIG; number++) if (number != SIGCHLD) signal(number, SIG_IGN);
  /* A pidfd becomes readable when the process has ended, all of its threads with it; the number cannot be another's. */
  while (poll(ends, 2, -1) < 0) if (errno != EINTR && errno != EAGAIN && errno != ENOMEM) return 1;
  if (((ends[0].revents | ends[1].revents) & POLLIN) == 0) return 1;
  close(0);
  if (open("/dev/null", O_RDONLY) != 0) return 1;
  execv(argv[1], argv + 1);
  return 127;
}
