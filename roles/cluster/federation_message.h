// SPDX-License-Identifier: Apache-2.0
/* federation_message.h - what gates and the managers of all datacenters say to one another over
 * sealed datagrams, and gates among themselves about datacenters: the content of the messages
 * XPROBE, XACK, XNACK and DC_LEADER, and the verdicts that travel with the gates' gossip. No moment
 * of one host is in them, only ages. Believes nothing: federation.h. Pure. */
#ifndef HS_CLUSTER_FEDERATION_MESSAGE_H
#define HS_CLUSTER_FEDERATION_MESSAGE_H

#include "roles/cluster/datagram.h"
#include "roles/cluster/reach.h"

/* Not a ring of members, but sealed like one: between all gates and all managers. */
#define HS_FEDERATION_RING "federation"

struct hs_federation_leader {
    struct hs_node_id id;      /* none: nobody is known to lead */
    uint64_t          term;    /* 0: not known */
    struct hs_addr    address; /* port 0: not told */
};

/* What a manager says of its datacenter. */
struct hs_federation_body {
    uint32_t view_age_ms; /* of the numbers */
    uint16_t managers_total;
    uint16_t managers_live;
    uint16_t workers_total;
    uint16_t workers_healthy;
    uint32_t cores_total;
    uint32_t cores_free;
    uint16_t jobs;
    uint16_t workflows;
    uint16_t extended_workers; /* that have asked for more time lately */
    uint8_t  local_health;     /* its own, 0 (good) to 8 */
};

/* Why a manager answers, but says nothing of its datacenter. Wire numbers. */
enum hs_xnack_code { HS_XNACK_STARTING = 1, HS_XNACK_STOPPING };

/* What does not belong to its type is zero. */
struct hs_federation_message {
    enum hs_datagram_type       type;
    uint32_t                    seq;    /* XPROBE: its own; XACK, XNACK: of what it answers */
    struct hs_federation_leader leader; /* XACK, XNACK: as far as it knows; DC_LEADER */
    struct hs_federation_body   body;   /* XACK */
    uint8_t                     code;   /* XNACK: enum hs_xnack_code */
    char                        datacenter[HS_IDENTITY_LABEL_BYTES]; /* all but XPROBE */
    char                        region[HS_IDENTITY_LABEL_BYTES];     /* XACK; may be empty */
};

enum { HS_FEDERATION_CONTENT_BYTES_MAX = 192 };

/* The content, for a struct hs_datagram_message; view into memory. */
struct hs_view hs_federation_put(const struct hs_federation_message *message,
                                 uint8_t memory[HS_FEDERATION_CONTENT_BYTES_MAX]);
/* -EPROTO: cut short, or no such name. Numbers that contradict each other are the reader's to
 * refuse. */
int hs_federation_get(struct hs_view content, enum hs_datagram_type type,
                      struct hs_federation_message *message) HS_MUST_CHECK;

/* What one gate tells the others about one datacenter. */
struct hs_federation_verdict {
    char     datacenter[HS_IDENTITY_LABEL_BYTES];
    uint8_t  state; /* enum hs_reach */
    uint32_t since_age_ms;
    uint32_t ack_age_ms; /* UINT32_MAX: it has had no answer */
};

/* false: it does not fit whole, and nothing was written. */
bool hs_federation_put_verdict(struct hs_writer                   *writer,
                               const struct hs_federation_verdict *verdict);
/* false: malformed; read no further. */
bool hs_federation_get_verdict(struct hs_reader *reader, struct hs_federation_verdict *verdict);

#endif
