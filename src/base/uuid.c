#include "base/uuid.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/timestamp.h"

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static atomic_uint forks; /* random bytes drawn before a fork are the parent's */

static void note_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

/* randombytes_buf works without, but may first be called by one thread only. */
static void start_sodium(void)
{
    if (sodium_init() < 0)
        return;
    pthread_atfork(NULL, NULL, note_fork);
}

/* Random words of this thread, drawn from the system many at a time. */
static _Thread_local struct {
    uint64_t word[32];
    unsigned left, forks;
} drawn;

static uint64_t random_word(void)
{
    unsigned now = atomic_load(&forks);

    if (!drawn.left || drawn.forks != now) {
        randombytes_buf(drawn.word, sizeof drawn.word);
        drawn.left = sizeof drawn.word / sizeof drawn.word[0];
        drawn.forks = now;
    }
    return drawn.word[--drawn.left];
}

/* The 122 bits of the last id of this thread. Within a millisecond, or while the clock stands
 * behind, the random part grows by a random step (RFC 9562, section 6.2, method 2). */
static _Thread_local struct {
    uint64_t ms;
    uint64_t high; /* 12 bits */
    uint64_t low;  /* 62 bits */
} last;

static void advance(void)
{
    uint64_t now_ms = (uint64_t)tdl_time_now() / 1000;
    uint64_t fresh[2];

    pthread_once(&sodium_once, start_sodium);
    fresh[0] = random_word();
    fresh[1] = random_word();
    if (now_ms <= last.ms) {
        last.low += 1 + (fresh[0] & 0xFFFFFFFFU);
        last.high += last.low >> 62;
        last.low &= (1ULL << 62) - 1;
        if (last.high <= 0xFFF)
            return;
        now_ms = last.ms + 1; /* out of room: borrow the next millisecond */
    }
    last.ms = now_ms;
    last.high = fresh[1] & 0x7FF; /* half the room stays free to grow into */
    last.low = fresh[0] >> 2;
}

void tdl_uuid7(char ret[37])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t words[2];
    size_t at = 0;

    advance();
    words[0] = last.ms << 16 | 0x7000U | last.high;
    words[1] = 0x8000000000000000U | last.low;
    for (unsigned nibble = 0; nibble < 32; nibble++) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
            ret[at++] = '-';
        ret[at++] = hex[words[nibble / 16] >> (60 - nibble % 16 * 4) & 0xF];
    }
    ret[at] = '\0';
}

bool tdl_uuid_valid(tdl_str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (dash ? c != '-' : !digit)
            return false;
    }
    return true;
}
