// SPDX-License-Identifier: Apache-2.0
/* control.h - what the supervisor and a role say to each other: one record of fixed size per packet
 * of a SOCK_SEQPACKET pair, perhaps with one descriptor attached (SCM_RIGHTS). The client of an
 * embedded tree holds the other end of such a pair too, its leash. Pure: sends and receives
 * nothing; role_io.c and supervisor/ do.
 *
 * Records are checked on arrival (hs_control_check), also by the supervisor: a role that sends
 * nonsense is replaced. Strings are terminated and short. */
#ifndef HS_ROLES_CONTROL_H
#define HS_ROLES_CONTROL_H

#include "roles/role_kind.h"
#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_CONTROL_MAGIC = 0x48534331, /* "HSC1": the layout's version too */
    HS_CONTROL_TEXT_BYTES = 256,
    HS_HOST_NAME_BYTES = 254 /* a DNS name with its terminating zero */
};

enum hs_control_type {
    HS_CONTROL_NONE,
    /* from a role */
    HS_CONTROL_READY,   /* generation: the sender's; serving from now on */
    HS_CONTROL_RESOLVE, /* text: host name; token comes back in the LINK or ANSWER */
    HS_CONTROL_REQUEST, /* console, client: verb; text: process name; uid: who asked */
    /* from the supervisor */
    HS_CONTROL_LINK,       /* + descriptor: a fresh connection to peer/idx/generation, and token */
    HS_CONTROL_PEER_DOWN,  /* that life of the peer is over; text: cause */
    HS_CONTROL_DRAIN,      /* take nothing new */
    HS_CONTROL_STOP,       /* end by deadline_ns (client: please stop, the other way round) */
    HS_CONTROL_CONFIG,     /* + descriptor: sealed image (config.h); number: its generation */
    HS_CONTROL_ANSWER,     /* to REQUEST or RESOLVE: token, code (0 or negative errno), text */
    HS_CONTROL_QUARANTINE, /* number: digest that killed two processes; job_id if known */
    /* to the client of an embedded tree only */
    HS_CONTROL_TREE_READY, /* every process of the tree is serving */
    HS_CONTROL_DEATH,      /* of peer/idx/generation; text: cause */
    /* from a role */
    HS_CONTROL_SEGMENT_BAD, /* text: name of a segment (share.h) that failed its check; idx: of
                               which engine. The supervisor replaces it, and the sender */
    /* from the supervisor, and the answer */
    HS_CONTROL_CREDENTIALS,       /* + descriptor: sealed credentials_image.h; number: which */
    HS_CONTROL_CREDENTIALS_TAKEN, /* number: which; code: 0 or why not, text: in words */
    HS_CONTROL_TYPE_COUNT
};

enum hs_control_verb {
    HS_VERB_NONE,
    HS_VERB_RESTART, /* text: process name */
    HS_VERB_DRAIN,   /* text: process name, or empty: gate and worker */
    HS_VERB_RELOAD,
    HS_VERB_STOP,
    HS_VERB_COUNT
};

/* No pointers, no padding: it is memory of another process when it arrives. */
struct hs_control_record {
    uint32_t magic;
    uint16_t type;       /* enum hs_control_type */
    uint16_t verb;       /* enum hs_control_verb */
    uint16_t peer;       /* enum hs_role_kind */
    uint16_t idx;        /* engine number of the peer */
    int32_t  code;       /* 0 or negative errno */
    uint32_t uid;        /* for the audit line */
    uint32_t reserved;   /* 0 */
    uint64_t generation; /* of the peer's (READY: the sender's) life */
    uint64_t token;
    uint64_t deadline_ns;
    uint64_t number;
    uint8_t  job_id[16];
    char     text[HS_CONTROL_TEXT_BYTES];
};
HS_STATIC_ASSERT(sizeof(struct hs_control_record) == 328, "a record on the control socket");

/* All zero but magic and type; text is copied, truncated, NULL for none. */
void hs_control_init(struct hs_control_record *record, enum hs_control_type type, const char *text);

/* Is this a record that `sender` may send, whole and in bounds? 0 or -EPROTO. HS_ROLE_NONE is the
 * supervisor. Reads a private copy only. */
int hs_control_check(const struct hs_control_record *record, size_t bytes, bool has_fd,
                     enum hs_role_kind sender) HS_MUST_CHECK;

const char          *hs_control_type_name(enum hs_control_type type);
const char          *hs_control_verb_name(enum hs_control_verb verb);
enum hs_control_verb hs_control_verb_from_name(const char *name); /* HS_VERB_NONE: no such verb */

#endif
