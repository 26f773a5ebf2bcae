// SPDX-License-Identifier: Apache-2.0
/* follow.h - one job as its client sees it: submitted (once, however often it is sent), followed
 * through its numbered events, cancelled on request, its results fetched piece by piece; carried on
 * over a new link wherever the old one broke. Pure: what is to be sent comes out as actions. Does
 * not show anything: who drives it looks at the messages that are marked as news. */
#ifndef HS_CLIENT_FOLLOW_H
#define HS_CLIENT_FOLLOW_H

#include "roles/wire.h"

enum { HS_FOLLOW_ACTIONS_MAX = 4, HS_FOLLOW_TEXT_BYTES = 320 };

struct hs_follow_config {
    const char    *client_id; /* with seq and nonce: names the submission for ever */
    uint64_t       seq;
    uint64_t       nonce;
    const char    *name;
    struct hs_view plan; /* empty: the job is there already, its id below */
    uint8_t        digest[HS_DIGEST_BYTES];
    uint8_t        job_id[HS_JOB_ID_BYTES];
    uint8_t        request_id[HS_JOB_ID_BYTES]; /* of a cancel */
    uint64_t       stats_interval_ns;
    uint64_t       patience_ns; /* without a link, or with answers that put us off */
    bool           only_submit; /* done when the gate has it */
    bool           has_others;  /* other gates may be asked in the place of one that says no */
};

enum hs_follow_state {
    HS_FOLLOW_PUTTING,     /* a large plan goes ahead in pieces */
    HS_FOLLOW_SUBMITTING,  /* SUBMIT is sent, or due at the deadline */
    HS_FOLLOW_SUBSCRIBING, /* likewise */
    HS_FOLLOW_FOLLOWING,   /* events come by themselves */
    HS_FOLLOW_FETCHING,    /* the results */
    HS_FOLLOW_DONE
};

enum hs_follow_event_type {
    HS_FOLLOW_LINK_UP,
    HS_FOLLOW_LINK_DOWN,
    HS_FOLLOW_MESSAGE,
    HS_FOLLOW_CANCEL,  /* the user wants the job to end */
    HS_FOLLOW_NO_GATE, /* after LINK_DOWN or MOVE: there is no other */
    HS_FOLLOW_TIMER
};

struct hs_follow_event {
    enum hs_follow_event_type type;
    enum hs_msg_type          message_type;
    const union hs_msg       *message;
};

enum hs_follow_action_type {
    HS_FOLLOW_SEND,    /* type and message */
    HS_FOLLOW_NEWS,    /* the message that came is new: show it */
    HS_FOLLOW_PUT_OFF, /* refusal says why the gate wants to be asked later: new, too */
    HS_FOLLOW_MOVE,    /* this gate will not do, says refusal, at least not before retry_after_ns:
                          the link is given up, another gate is next. Nothing comes after it */
    HS_FOLLOW_TAKE, /* the payload of the RESULTS that came goes to offset_bytes of the results */
};

struct hs_follow_action {
    enum hs_follow_action_type type;
    enum hs_msg_type           message_type;
    uint64_t                   retry_after_ns;
    union hs_msg               message;
};

struct hs_follow_actions {
    unsigned                count;
    struct hs_follow_action at[HS_FOLLOW_ACTIONS_MAX];
};

struct hs_follow {
    struct hs_follow_config config;
    enum hs_follow_state    state;
    uint64_t                deadline_ns; /* ask again; HS_NEVER_NS: nothing to wait for */
    uint64_t                give_up_ns;
    bool                    has_link;
    bool                    has_job;      /* config.job_id is right */
    bool                    is_put;       /* the gate has the plan as a blob */
    bool                    is_known;     /* this gate has the job: it has said so */
    uint8_t                 open_submits; /* that it has not answered: it may have it */
    bool                    wants_cancel;
    bool                    is_cancel_heard;
    bool                    has_ended; /* FINAL was seen */
    uint8_t                 status;    /* enum hs_job_state, as last heard */
    uint32_t                last_event;
    uint64_t                put_bytes;
    uint64_t                results_bytes; /* fetched so far */
    bool                    has_results;   /* when done: they are whole */
    int                     code;          /* when done: 0 or negative errno */
    uint16_t                refusal;       /* enum hs_result_code of a gate that said no; else 0 */
    char                    text[HS_FOLLOW_TEXT_BYTES]; /* why, or what the job's end said */
};

void hs_follow_init(struct hs_follow *follow, const struct hs_follow_config *config,
                    uint64_t now_ns);
void hs_follow_step(struct hs_follow *follow, uint64_t now_ns, const struct hs_follow_event *event,
                    struct hs_follow_actions *actions);
/* Has the gate that was asked last the job, or might it? Then no other will do, lest the job run
 * twice. */
bool hs_follow_is_bound(const struct hs_follow *follow);
uint64_t
hs_follow_deadline_ns(const struct hs_follow *follow); /* HS_NEVER_NS: nothing to wait for */

#endif
