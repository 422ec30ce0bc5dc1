/**
 * @file queue.c
 * @brief Courier queue on a binary heap in caller-owned storage; it never allocates.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COURIER_CAPACITY 64
#define COURIER_MAX_ATTEMPTS 6
#define COURIER_BASE_MS 50u

/** What a handler says of one attempt. */
enum courier_verdict { COURIER_DELIVERED, COURIER_BUSY, COURIER_REJECTED };

/** Why a parcel was given up. */
typedef enum { MORGUE_LATE, MORGUE_WORN_OUT, MORGUE_UNWANTED } morgue_reason;

/** One parcel; times are milliseconds on the caller's monotonic clock. */
struct parcel {
    uint64_t not_before, deadline;
    uint32_t serial;
    uint8_t urgency; /**< larger goes first */
    uint8_t attempts;
    char address[32];
};

/** The queue itself; zero it before the first use. */
typedef struct courier {
    struct parcel heap[COURIER_CAPACITY];
    struct { struct parcel what; morgue_reason why; } morgue[16];
    size_t size, morgue_size;
    uint32_t next_serial;
    struct { uint32_t delivered, postponed, lost[3]; } stats;
} courier_t;

typedef enum courier_verdict (*courier_handler)(const struct parcel *, void *context);

/** Whether @p a leaves before @p b: by urgency, then deadline, then arrival. */
static bool precedes(const struct parcel *a, const struct parcel *b)
{
    if (a->urgency != b->urgency)
        return a->urgency > b->urgency;
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->serial < b->serial;
}

static void sift_up(courier_t *self, size_t at)
{
    while (at > 0 && precedes(&self->heap[at], &self->heap[(at - 1) / 2])) {
        struct parcel swap = self->heap[at];
        self->heap[at] = self->heap[(at - 1) / 2];
        self->heap[at = (at - 1) / 2] = swap;
    }
}

/** Accept a parcel; false when the queue is full or the address is too long. */
bool courier_accept(courier_t *self, const char *address, uint8_t urgency, uint64_t deadline)
{
    struct parcel fresh = {.deadline = deadline, .urgency = urgency, .serial = self->next_serial};
    if (self->size == COURIER_CAPACITY || strlen(address) >= sizeof fresh.address)
        return false;
    strcpy(fresh.address, address);
    self->next_serial++;
    self->heap[self->size] = fresh;
    sift_up(self, self->size++);
    return true;
}

/**
 * Make one round at time @p now: each parcel that is due is tried once, the most urgent first.
 * @return the earliest time at which another round is of use, or UINT64_MAX when nothing is left.
 */
uint64_t courier_round(courier_t *self, uint64_t now, courier_handler handle, void *context)
{
    struct parcel held[COURIER_CAPACITY];
    size_t held_size = 0;
    uint64_t wake = UINT64_MAX;
    while (self->size > 0) {
        struct parcel top = self->heap[0], last = self->heap[--self->size];
        morgue_reason why = MORGUE_LATE;
        size_t at = 0, child;
        while ((child = 2 * at + 1) < self->size) {
            if (child + 1 < self->size && precedes(&self->heap[child + 1], &self->heap[child]))
                child++;
            if (!precedes(&self->heap[child], &last))
                break;
            self->heap[at] = self->heap[child];
            at = child;
        }
        self->heap[at] = last;
        if (now <= top.deadline) {
            if (top.not_before <= now) {
                enum courier_verdict verdict = handle(&top, context);
                if (verdict == COURIER_DELIVERED) {
                    self->stats.delivered++;
                    continue;
                }
                why = verdict == COURIER_BUSY ? MORGUE_WORN_OUT : MORGUE_UNWANTED;
                if (why == MORGUE_UNWANTED || ++top.attempts == COURIER_MAX_ATTEMPTS)
                    goto bury;
                top.not_before = now + (COURIER_BASE_MS << top.attempts); /* à bientôt */
                self->stats.postponed++;
            }
            wake = top.not_before < wake ? top.not_before : wake;
            held[held_size++] = top;
            continue;
        }
    bury:
        self->stats.lost[why]++;
        self->morgue[self->morgue_size % 16].what = top; /* a ring: the oldest is overwritten */
        self->morgue[self->morgue_size++ % 16].why = why;
    }
    for (size_t i = 0; i < held_size; i++) {
        self->heap[self->size] = held[i];
        sift_up(self, self->size++);
    }
    return wake;
}
