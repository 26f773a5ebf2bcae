// SPDX-License-Identifier: Apache-2.0
/* session_io.h - carries one job through (follow.h), over the link of an embedded tree, a daemon's
 * socket or TLS to one of several gates elsewhere, shows it, and makes a report of its results. */
#ifndef HS_CLIENT_SESSION_IO_H
#define HS_CLIENT_SESSION_IO_H

#include "roles/client/client_link_io.h"
#include "roles/client/display_io.h"
#include "roles/client/exit_code.h"
#include "roles/client/follow.h"
#include "roles/client/gates.h"
#include "roles/client/tree_io.h"

enum { HS_SESSION_ID_BYTES = 2 * HS_JOB_ID_BYTES + 1 };

struct hs_session_wish {
    struct hs_follow_config follow; /* client_id, nonce, digest and request_id are filled by open */
    const char             *name;
    char *learned_name;                /* HS_NAME_BYTES for what the gate calls the job; NULL: no */
    const struct hs_where *where;      /* of the gates; NULL: an embedded tree... */
    struct hs_tree_wish    tree;       /* ...like this */
    uint32_t               step_count; /* of the plan; 0: not known */
    bool                   cancels;    /* a signal cancels the job; else it only stops looking */
    bool                   is_json;
};

/* On the heap: large. */
struct hs_session {
    struct hs_follow       follow;
    struct hs_client_link  link;
    struct hs_live_job     live;
    struct hs_display      display;
    union hs_msg           message; /* the one that came last */
    char                   client_id[HS_CLIENT_ID_BYTES];
    struct hs_client_tree  tree;
    struct hs_session_wish wish;
    int                    signal_fd;
    int                    signal;      /* the first one that came; 0: none */
    bool                   is_ready;    /* the tree is */
    bool                   is_over;     /* whatever the follow says: tree dead, second signal */
    uint32_t               death_count; /* of the tree's processes */
    struct hs_gates        gates;       /* of wish.where, and the one whose turn it is */
    unsigned               gate_idx;
    uint64_t               connect_at_ns; /* try one of them */
    uint8_t               *results;
    size_t                 results_capacity;
    void                  *chunks;
    void                  *sources;
    struct hs_err          err; /* why it could not go on; code 0: it could */
};

/* A session with its display; NULL: out of memory. */
struct hs_session *hs_session_create(const char *name, const struct hs_options *options);
void               hs_session_destroy(struct hs_session **session);
/* Starts the tree, or connects; the plan's text must stay. */
int hs_session_open(struct hs_session *session, const struct hs_session_wish *wish,
                    struct hs_err *err) HS_MUST_CHECK;
/* Until the job has ended and its results are here, or it cannot go on. */
void hs_session_serve(struct hs_session *session);
/* Prints the result (or why there is none); the exit code. */
int hs_session_conclude(struct hs_session *session) HS_MUST_CHECK;
/* Ends the tree; then says what the screen held back. */
void hs_session_close(struct hs_session *session);

/* The report of a job's results on standard output; end is filled with what the exit code depends
 * on. */
int hs_report_results(struct hs_view bytes, struct hs_report_meta *meta, bool is_json,
                      struct hs_run_end *end) HS_MUST_CHECK;

uint64_t hs_client_now_ns(void);
/* "user@host", cut to what a client id may be. */
void hs_client_id(char id[HS_CLIENT_ID_BYTES]);

#endif
