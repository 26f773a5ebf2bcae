// SPDX-License-Identifier: Apache-2.0
/* vitals.h - a page for each process that says how it is: alive, ready, at what, and what it said
 * when it died. Written by the process alone; the supervisor resets it before the fork and marks it
 * dead after the reaping, while no process owns it; all may read. Body of the segment:
 * HS_PROCESSES_MAX pages. */
#ifndef HS_SHM_VITALS_H
#define HS_SHM_VITALS_H

#include "shm/base/err.h"
#include "shm/base/limits.h"
#include "shm/latch.h"

enum {
    HS_VITALS_VERSION = 2,
    HS_VITALS_PAGE_BYTES = 4096,
    HS_VITALS_BODY_BYTES = HS_PROCESSES_MAX * HS_VITALS_PAGE_BYTES,
    HS_VITALS_PANIC_BYTES = 512,
    HS_VITALS_BACKEND_BYTES = 96, /* with the reason why not the other */
    HS_VITALS_CRUMB_WORDS = 5
};

enum hs_vitals_state {
    HS_VITALS_EMPTY,
    HS_VITALS_STARTING, /* forked, not ready */
    HS_VITALS_READY,
    HS_VITALS_DRAINING, /* takes nothing new */
    HS_VITALS_STOPPING,
    HS_VITALS_DEAD, /* reaped; the rest of the page is its last word */
    HS_VITALS_STATE_COUNT
};

/* A process that is in a phase other than NORMAL may be silent for longer (reliability.md 2.3). */
enum hs_vitals_phase {
    HS_VITALS_NORMAL,
    HS_VITALS_FSYNC,
    HS_VITALS_REPLAY,
    HS_VITALS_SNAPSHOT,
    HS_VITALS_PHASE_COUNT
};

/* What the process does with the input that a breadcrumb names. */
enum hs_crumb_phase {
    HS_CRUMB_READS, /* for a moment: whatever ends the process now is likely to have come from it */
    HS_CRUMB_RUNS   /* for minutes: a kill from outside says nothing about it, a crash does */
};

/* What the process works on: left there before each message, read by the supervisor after a crash
 * (poison quarantine). */
struct hs_vitals_crumb {
    uint32_t phase;        /* enum hs_crumb_phase */
    uint32_t message_type; /* 0: none */
    uint64_t job_id[2];
    uint64_t digest; /* of the input, so that the same poison is known again */
};

struct hs_vitals_shm {
    hs_word pid;
    hs_word generation;
    hs_word role_kind; /* roles/role.h numbers them */
    hs_word role_idx;  /* the N of engine.N */
    hs_word state;     /* enum hs_vitals_state */
    hs_word started_at_ns;
    hs_word ready_at_ns;      /* 0: not yet */
    hs_word confinement_bits; /* layers that the kernel granted; roles name the bits */
    /* the hot line */
    hs_word heartbeat_ns;
    hs_word loop_count;
    hs_word phase;          /* enum hs_vitals_phase */
    hs_word loop_lag_ns;    /* worst since the supervisor last took it */
    hs_word lag_taken_seen; /* the value of lag_taken that loop_lag_ns belongs to */
    hs_word spare[3];
    /* the supervisor's line */
    hs_word lag_taken; /* how often it took loop_lag_ns */
    hs_word spare_supervisor[7];
    hs_word backend[HS_WORDS_OF(HS_VITALS_BACKEND_BYTES)]; /* "io_uring", "epoll (io_uring: ...)" */
    hs_word crumb[HS_LATCH_WORDS(HS_VITALS_CRUMB_WORDS)];
    hs_word panic_at_ns; /* 0: no panic; stored after the text */
    hs_word panic[HS_WORDS_OF(HS_VITALS_PANIC_BYTES)];
    uint8_t rest[3200];
};

/* A copy for the reader; fields are each whole, but of slightly different moments. */
struct hs_vitals {
    uint32_t               pid;
    uint64_t               generation;
    uint32_t               role_kind;
    uint32_t               role_idx;
    enum hs_vitals_state   state;
    uint64_t               started_at_ns;
    uint64_t               ready_at_ns;
    uint64_t               confinement_bits;
    uint64_t               heartbeat_ns;
    uint64_t               loop_count;
    enum hs_vitals_phase   phase;
    uint64_t               loop_lag_ns;
    char                   backend[HS_VITALS_BACKEND_BYTES];
    struct hs_vitals_crumb crumb;
    uint64_t               panic_at_ns;
    char                   panic[HS_VITALS_PANIC_BYTES];
};

struct hs_vitals_shm *hs_vitals_page(void *body, unsigned process_idx);

/* Supervisor, while no process owns the page. */
/* All zero, then STARTING with these; pid is stored by hs_vitals_set_pid or by the child itself. */
void hs_vitals_reset(struct hs_vitals_shm *page, uint64_t generation, uint32_t role_kind,
                     uint32_t role_idx, uint64_t now_ns);
void hs_vitals_mark_dead(struct hs_vitals_shm *page);
/* Worst loop lag since the last call; the process starts over at its next beat. Any time; the
 * supervisor only. */
uint64_t hs_vitals_take_lag(struct hs_vitals_shm *page);

/* The process. */
void hs_vitals_set_pid(struct hs_vitals_shm *page, uint32_t pid);
/* Stores ready_at_ns too when it is READY for the first time. */
void hs_vitals_enter(struct hs_vitals_shm *page, enum hs_vitals_state state, uint64_t now_ns);
/* At the end of each batch of the loop; lag_ns is how late this turn was. */
void hs_vitals_beat(struct hs_vitals_shm *page, uint64_t now_ns, uint64_t lag_ns);
/* Before and after work that keeps the loop away for long; beats as well. */
void hs_vitals_set_phase(struct hs_vitals_shm *page, enum hs_vitals_phase phase, uint64_t now_ns);
void hs_vitals_set_confinement(struct hs_vitals_shm *page, uint64_t bits);
void hs_vitals_set_backend(struct hs_vitals_shm *page, const char *name);
void hs_vitals_drop_crumb(struct hs_vitals_shm *page, const struct hs_vitals_crumb *crumb);
/* Last words, from the assert hook or a signal handler: only stores. Later ones come behind earlier
 * ones, while there is room. now_ns 0 is stored as 1. */
void hs_vitals_panic(struct hs_vitals_shm *page, uint64_t now_ns, const char *text);

/* Anybody. Numbers out of range become EMPTY and NORMAL, texts are terminated. */
void        hs_vitals_load(const struct hs_vitals_shm *page, struct hs_vitals *vitals);
const char *hs_vitals_state_name(enum hs_vitals_state state);
const char *hs_vitals_phase_name(enum hs_vitals_phase phase);

#endif
