// SPDX-License-Identifier: Apache-2.0
/* rpc.h - the requests of one connection that wait for an answer, each with its deadline. Sends
 * nothing: the caller puts the id into a frame. Pure; the caller owns the slots.
 *
 * An id is counter * 65536 + slot, so that finding it needs no search and no id comes twice in the
 * life of a table: a late answer to an expired request is recognised, never taken for another's. */
#ifndef HS_IPC_RPC_H
#define HS_IPC_RPC_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_RPC_SLOTS_MAX = 65536 };

struct hs_rpc_slot {
    uint64_t id; /* 0: free */
    uint64_t token;
    uint64_t deadline_ns;
    uint32_t next_free;
};

struct hs_rpc {
    struct hs_rpc_slot *slots;
    uint32_t            capacity;
    uint32_t            count;
    uint32_t            first_free;
    uint64_t            next_counter;
    uint64_t            deadline_ns; /* no later than the nearest one */
};

void hs_rpc_init(struct hs_rpc *rpc, struct hs_rpc_slot *slots, uint32_t capacity);
/* A new request; its id is never 0. -ENOBUFS: too many are waiting. token is the caller's. */
int hs_rpc_begin(struct hs_rpc *rpc, uint64_t token, uint64_t deadline_ns,
                 uint64_t *id) HS_MUST_CHECK;
/* The answer has come (or nobody wants it any more): true and the token; false: unknown, late. */
bool hs_rpc_end(struct hs_rpc *rpc, uint64_t id, uint64_t *token);
/* Removes one request whose deadline has passed; call until it answers false. */
bool hs_rpc_expire(struct hs_rpc *rpc, uint64_t now_ns, uint64_t *id, uint64_t *token);
/* Removes any one request: the connection has closed. Call until it answers false. */
bool     hs_rpc_drain(struct hs_rpc *rpc, uint64_t *id, uint64_t *token);
uint64_t hs_rpc_deadline_ns(const struct hs_rpc *rpc); /* never later than the nearest deadline */
bool     hs_rpc_validate(const struct hs_rpc *rpc);

#endif
