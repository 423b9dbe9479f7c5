/* Preloaded into a process: everything that it writes and synchronises below $WATCHED is told in the file $TOLD.

   An entry is a line: "W offset length path" for a write, after which the bytes follow, "T length path" for a new length,
   "S path" for a synchronisation; in the order in which the system took them. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int told = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void tell(const void *bytes, size_t length) {
    if (told < 0) told = open(getenv("TOLD"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (const char *next = bytes; length > 0;) {
        ssize_t done = REAL(write)(told, next, length);
        if (done <= 0) abort();
        next += done, length -= done;
    }
}

static int is_watched(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    const char *watched = getenv("WATCHED");
    if (length <= 0 || watched == NULL || fd == told) return 0;
    path[length] = 0;
    return strncmp(path, watched, strlen(watched)) == 0;
}

static void tell_line(const char *kind, long long first, long long second, const char *path) {
    char line[PATH_MAX + 64];
    int length = second >= 0 ? snprintf(line, sizeof line, "%s %lld %lld %s\n", kind, first, second, path)
        : first >= 0         ? snprintf(line, sizeof line, "%s %lld %s\n", kind, first, path)
                             : snprintf(line, sizeof line, "%s %s\n", kind, path);
    tell(line, length);
}

#define IN_ORDER(type, call, entry)          \
    char path[PATH_MAX];                     \
    if (!is_watched(fd, path)) return call;  \
    pthread_mutex_lock(&order);              \
    type result = call;                      \
    if (result >= 0) { entry; }              \
    pthread_mutex_unlock(&order);            \
    return result;

#define WRITTEN(offset) tell_line("W", offset, result, path); tell(bytes, result)

ssize_t write(int fd, const void *bytes, size_t length) {
    IN_ORDER(ssize_t, REAL(write)(fd, bytes, length), WRITTEN((long long)lseek(fd, 0, SEEK_CUR) - result))
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    IN_ORDER(ssize_t, REAL(pwrite)(fd, bytes, length, offset), WRITTEN((long long)offset))
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    IN_ORDER(ssize_t, REAL(pwrite64)(fd, bytes, length, offset), WRITTEN((long long)offset))
}
int ftruncate(int fd, off_t length) {
    IN_ORDER(int, REAL(ftruncate)(fd, length), tell_line("T", length, -1, path))
}
int ftruncate64(int fd, off64_t length) {
    IN_ORDER(int, REAL(ftruncate64)(fd, length), tell_line("T", length, -1, path))
}
int fsync(int fd) {
    IN_ORDER(int, REAL(fsync)(fd), tell_line("S", -1, -1, path))
}
int fdatasync(int fd) {
    IN_ORDER(int, REAL(fdatasync)(fd), tell_line("S", -1, -1, path))
}
