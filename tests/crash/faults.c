/*
 * Preloaded into a process (LD_PRELOAD), this counts the system calls that it makes about files below
 * $FAULTS_BELOW, writes one line for each into $FAULTS_LOG, and at the one that the control block in
 * $FAULTS_CONTROL names it kills the process, fails the call, or takes a folder away.
 *
 * strace can kill and fail too, but it counts for each thread apart, and cannot tell a write to a
 * file of ours from one to a pipe. What strace sees is what says that nothing is missing here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_HALFWAY, FAIL, HIDE };

/* tests/crash/faults.ts writes it while we read it. */
static struct control {
  int32_t count;        /* calls so far */
  int32_t first, last;  /* the calls that it is about */
  int32_t action;
  int32_t error;        /* errno of FAIL */
  int32_t all;          /* count what only reads, too */
  char hide[1012];      /* the folder that HIDE renames to <hide>.away */
} *control;

static const char *below;
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  below = getenv("FAULTS_BELOW");
  const char *path = getenv("FAULTS_CONTROL");
  int fd = REAL(open64)(path, O_RDWR | O_CLOEXEC);
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REAL(close)(fd);
  log_fd = REAL(open64)(getenv("FAULTS_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (control == MAP_FAILED || log_fd < 0) abort();
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* What is to be done about this call; the process may not live to hear it. */
static enum action step(const char *call, const char *path, int changes) {
  if (control == NULL || path == NULL || strncmp(path, below, strlen(below)) != 0) return NOTHING;
  if (!changes && !control->all) return NOTHING;
  int number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%s %s\n", call, path);
  REAL(write)(log_fd, line, (size_t)length);
  if (number < control->first || number > control->last) return NOTHING;
  if (control->action == KILL_BEFORE) die();
  if (control->action == HIDE && number == control->first) {
    char away[1024];
    snprintf(away, sizeof away, "%s.away", control->hide);
    REAL(rename)(control->hide, away);
  }
  if (control->action == FAIL) errno = control->error;
  return control->action;
}

static const char *path_of(int fd) {
  static __thread char path[PATH_MAX];
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = REAL(readlink)(name, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  return path;
}

#define AROUND(type, call, path, changes, act)                     \
  enum action action = step(call, path, changes);                  \
  if (action == FAIL) return (type)-1;                             \
  type result = act;                                               \
  if (action == KILL_AFTER || action == KILL_HALFWAY) die();       \
  return result

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  AROUND(int, "open", path, flags & (O_CREAT | O_TRUNC), REAL(open64)(path, flags, mode));
}
int close(int fd) {
  enum action action = step("close", path_of(fd), 0);
  int result = REAL(close)(fd);
  if (action != FAIL) return result;
  errno = control->error; /* as Linux does: it fails, and is closed */
  return -1;
}
ssize_t read(int fd, void *bytes, size_t size) {
  AROUND(ssize_t, "read", path_of(fd), 0, REAL(read)(fd, bytes, size));
}
ssize_t pread64(int fd, void *bytes, size_t size, off64_t at) {
  AROUND(ssize_t, "read", path_of(fd), 0, REAL(pread64)(fd, bytes, size, at));
}
ssize_t write(int fd, const void *bytes, size_t size) {
  enum action action = step("write", path_of(fd), 1);
  if (action == FAIL) return -1;
  ssize_t result = REAL(write)(fd, bytes, action == KILL_HALFWAY ? size / 2 : size);
  if (action == KILL_AFTER || action == KILL_HALFWAY) die();
  return result;
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  AROUND(ssize_t, "write", path_of(fd), 1, REAL(pwrite64)(fd, bytes, size, at));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  AROUND(ssize_t, "write", path_of(fd), 1, REAL(writev)(fd, parts, count));
}
int fsync(int fd) { AROUND(int, "fsync", path_of(fd), 1, REAL(fsync)(fd)); }
int fdatasync(int fd) { AROUND(int, "fdatasync", path_of(fd), 1, REAL(fdatasync)(fd)); }
int ftruncate64(int fd, off64_t size) {
  AROUND(int, "ftruncate", path_of(fd), 1, REAL(ftruncate64)(fd, size));
}
int fchmod(int fd, mode_t mode) { AROUND(int, "fchmod", path_of(fd), 1, REAL(fchmod)(fd, mode)); }
int chmod(const char *path, mode_t mode) { AROUND(int, "chmod", path, 1, REAL(chmod)(path, mode)); }
int link(const char *from, const char *to) { AROUND(int, "link", to, 1, REAL(link)(from, to)); }
int symlink(const char *text, const char *path) {
  AROUND(int, "symlink", path, 1, REAL(symlink)(text, path));
}
int rename(const char *from, const char *to) {
  AROUND(int, "rename", to, 1, REAL(rename)(from, to));
}
int unlink(const char *path) { AROUND(int, "unlink", path, 1, REAL(unlink)(path)); }
int mkdir(const char *path, mode_t mode) { AROUND(int, "mkdir", path, 1, REAL(mkdir)(path, mode)); }
int rmdir(const char *path) { AROUND(int, "rmdir", path, 1, REAL(rmdir)(path)); }
int access(const char *path, int mode) { AROUND(int, "access", path, 0, REAL(access)(path, mode)); }
int scandir64(const char *path, struct dirent64 ***names, int (*filter)(const struct dirent64 *),
              int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  AROUND(int, "readdir", path, 0, REAL(scandir64)(path, names, filter, order));
}

/* libuv has no other stat. */
long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  const char *path = NULL;
  if (number == SYS_statx) path = *(const char *)a[1] ? (const char *)a[1] : path_of((int)a[0]);
  AROUND(long, "stat", path, 0, REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}
