// SPDX-License-Identifier: Apache-2.0
/* ledger_world.h - a ledger over two memory files, a state machine that notices what is lost, out
 * of order or applied twice, and a record of what was answered. For the tests of the ledger. */
#ifndef HS_TESTS_UNIT_LEDGER_WORLD_H
#define HS_TESTS_UNIT_LEDGER_WORLD_H

#include "ipc/loop.h"
#include "roles/cluster/ledger.h"

enum { LEDGER_HELD_MAX = 4, LEDGER_ANSWERS_MAX = 1024 };

/* Entries carry the numbers 0, 1, 2, ...; one may hold a blob that was put with the same number. */
struct ledger_entry {
    uint64_t                number;
    uint64_t                holds;
    struct hs_ledger_digest digest;
};

struct ledger_state {
    uint64_t                next;  /* the number that must come */
    uint64_t                wrong; /* entries that came out of order, or twice */
    uint64_t                hash;
    uint64_t                held_count; /* ever; the last LEDGER_HELD_MAX are needed */
    uint64_t                held_numbers[LEDGER_HELD_MAX];
    struct hs_ledger_digest held[LEDGER_HELD_MAX];
};

struct ledger_world {
    struct hs_loop         *loop;
    struct hs_ledger       *ledger;
    int                     fd[2];
    uint32_t                group;
    uint64_t                compact_bytes;
    uint64_t                now_ns; /* what the ledger is told */
    struct ledger_state     state;
    unsigned                asked; /* whether a blob is needed */
    unsigned                answer_count;
    struct hs_ledger_answer answers[LEDGER_ANSWERS_MAX]; /* the first ones */
    int                     report_fd; /* the tokens of APPLIED go there; -1: nowhere */
};

/* Two empty files. The loop and the ledger are opened by ledger_world_open. */
void ledger_world_init(struct ledger_world *world);
void ledger_world_fini(struct ledger_world *world);
/* A fresh state machine, a loop of its own, a replay. */
int  ledger_world_open(struct ledger_world *world, enum hs_loop_backend backend);
void ledger_world_close(struct ledger_world *world);

/* Proposes the next number after everything proposed so far, under itself as the token. */
int ledger_world_propose(struct ledger_world *world, uint64_t number);
/* Puts the blob of this number and proposes the entry that holds it. */
int      ledger_world_propose_holding(struct ledger_world *world, uint64_t number);
void     ledger_world_blob(uint64_t number, char text[64]);
void     ledger_world_turn(struct ledger_world *world);   /* steps the ledger and the loop once */
bool     ledger_world_settle(struct ledger_world *world); /* until nothing is under way */
unsigned ledger_world_count(const struct ledger_world *world, enum hs_ledger_answer_kind kind);
/* Nothing out of order, and every blob that the state needs is there and right. */
void ledger_world_check(struct ledger_world *world);

#endif
