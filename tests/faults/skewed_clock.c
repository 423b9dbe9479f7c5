/* Preloaded into a process: the machine's clock is $SKEW seconds ahead, as far as that process can see.

   Monotonic clocks, and with them all waits, stay as they are. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long skew(void) {
    const char *seconds = getenv("SKEW");
    return seconds == NULL ? 0 : atol(seconds);
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    int failed = REAL(clock_gettime)(clock, moment);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) moment->tv_sec += skew();
    return failed;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    int failed = REAL(gettimeofday)(moment, zone);
    if (!failed) moment->tv_sec += skew();
    return failed;
}

time_t time(time_t *kept) {
    time_t moment = REAL(time)(NULL) + skew();
    if (kept != NULL) *kept = moment;
    return moment;
}
