// SPDX-License-Identifier: Apache-2.0
/* datagram.h - what members say to one another over UDP: one message, and behind it as much news as
 * fits. Encodes whole entries only; decodes with every bound, skips sections that it does not know,
 * and of a section whose entry is malformed keeps what stood before. Does not seal (seal_io.h) and
 * believes nothing (members.h). Pure.
 *
 *     0  magic "HS"          16  id of the sender
 *     2  major, minor        32  incarnation of the sender
 *     4  type of the message 40  boot id: one life of the sending process
 *     5  flags               48  counter: the nonce; never twice in a life
 *     6  version of the key  56  sections, sealed: type, length (2 bytes), content
 *     7  zero                 n  tag, 16 bytes
 *     8  hash of cluster, environment and ring
 *
 * The first section is the message itself; its type is the one in the header. */
#ifndef HS_CLUSTER_DATAGRAM_H
#define HS_CLUSTER_DATAGRAM_H

#include "roles/cluster/coordinate.h"
#include "roles/cluster/member.h"

enum {
    HS_DATAGRAM_MAJOR = 1,
    HS_DATAGRAM_MINOR = 0,
    HS_DATAGRAM_BYTES_MAX = 1400, /* passes every path that carries IPv6, with its headers */
    HS_DATAGRAM_HEADER_BYTES = 56,
    HS_DATAGRAM_TAG_BYTES = 16,
    HS_DATAGRAM_BODY_BYTES_MAX =
        HS_DATAGRAM_BYTES_MAX - HS_DATAGRAM_HEADER_BYTES - HS_DATAGRAM_TAG_BYTES,
    HS_DATAGRAM_CONTENT_BYTES_MAX = HS_DATAGRAM_BODY_BYTES_MAX - 3, /* of one section */
    HS_DATAGRAM_CLAIMS_MAX = 32,  /* accusations are the smallest, and no more fit */
    HS_DATAGRAM_HEALTHS_MAX = 60, /* likewise */
    HS_DATAGRAM_NONCE_BYTES = 16,
    HS_DATAGRAM_SCORE_MAX = 8 /* of local health */
};

/* Wire numbers. */
enum hs_datagram_type {
    HS_DATAGRAM_PING = 1,
    HS_DATAGRAM_ACK,
    HS_DATAGRAM_PING_REQ, /* ping somebody for me */
    HS_DATAGRAM_IND_ACK,  /* it answered */
    HS_DATAGRAM_NACK,     /* it did not */
    HS_DATAGRAM_GOSSIP,   /* news alone */
    HS_DATAGRAM_PUSH_PULL,
    HS_DATAGRAM_JOIN,
    HS_DATAGRAM_JOIN_ACK,
    HS_DATAGRAM_GREET, /* which life is the present one: lives.h */
    /* Between gates and the managers of all datacenters: federation_message.h */
    HS_DATAGRAM_XPROBE, /* are you there, and how is your datacenter */
    HS_DATAGRAM_XACK,
    HS_DATAGRAM_XNACK,     /* here, and nothing to say yet */
    HS_DATAGRAM_DC_LEADER, /* of a datacenter, from gate to gate */
    HS_DATAGRAM_WORKERS,   /* between managers, of their workers: manager/star_wire.h */
    HS_DATAGRAM_TYPE_END
};

/* Bits of the header's flags. */
enum { HS_DATAGRAM_TO_ANY = 1 }; /* sealed for nobody by name: only a GREET may be */

struct hs_datagram_header {
    enum hs_datagram_type type;
    uint8_t               flags;
    uint8_t               key_version;
    uint64_t              cluster_hash;
    struct hs_node_id     sender;
    uint64_t              incarnation;
    uint64_t              boot_id;
    uint64_t              counter;
};

/* The message. What does not belong to its type is zero. */
struct hs_datagram_message {
    enum hs_datagram_type type;
    uint32_t              seq;         /* PING, ACK, NACK; PING_REQ, IND_ACK: the requester's */
    struct hs_node_id     target;      /* PING, PING_REQ, IND_ACK, NACK */
    uint64_t              incarnation; /* PING: the target's, as known; ACK, IND_ACK: its own */
    struct hs_addr        address;     /* PING_REQ: of the target */
    uint8_t               code; /* NACK: hs_swim_nack of swim.h; JOIN_ACK: hs_join_code of join.h */
    uint64_t              nonce;           /* JOIN, JOIN_ACK; PUSH_PULL: names the exchange */
    uint64_t              required;        /* JOIN_ACK: the least incarnation that is taken */
    uint16_t              page;            /* PUSH_PULL */
    bool                  is_last;         /* PUSH_PULL: no page follows */
    bool                  is_reply_wanted; /* PUSH_PULL */
    uint8_t               proof[HS_DATAGRAM_NONCE_BYTES];     /* GREET: the challenge, returned */
    uint8_t               challenge[HS_DATAGRAM_NONCE_BYTES]; /* GREET: return this; 0: no need */
};

/* How loaded a node says it is; travels. */
enum hs_health_load {
    HS_LOAD_HEALTHY,
    HS_LOAD_BUSY,
    HS_LOAD_STRESSED,
    HS_LOAD_OVERLOADED,
    HS_LOAD_COUNT
};

/* What a node says of its health, and how long ago it said so. */
struct hs_health_entry {
    struct hs_node_id node;
    uint32_t          age_ms;
    uint8_t           load;  /* enum hs_health_load */
    uint8_t           score; /* of its local health, 0 to 8 */
    bool              is_accepting;
};

/* A datagram taken apart. */
struct hs_datagram {
    struct hs_datagram_message message;
    unsigned                   claim_count;
    struct hs_claim            claims[HS_DATAGRAM_CLAIMS_MAX]; /* source and is_own_word: unset */
    bool     is_old[HS_DATAGRAM_CLAIMS_MAX]; /* of a tombstone: the time to refute it is over */
    unsigned health_count;
    struct hs_health_entry healths[HS_DATAGRAM_HEALTHS_MAX];
    bool                   has_coordinate;
    struct hs_coordinate   coordinate;      /* valid */
    struct hs_view         content;         /* from XPROBE on; into the body, not read here */
    struct hs_view         verdicts;        /* of a gate about datacenters; likewise */
    unsigned               malformed_count; /* sections that were cut short */
    unsigned               unknown_count;   /* sections that were skipped */
    uint32_t               keyring_mark;    /* of the ring that the sender holds; 0: not said */
};

/* Of "CLUSTER/ENVIRONMENT/RING"; a short cut past foreign datagrams, not a secret. */
uint64_t hs_datagram_cluster_hash(const char *name);

void hs_datagram_put_header(uint8_t                          bytes[HS_DATAGRAM_HEADER_BYTES],
                            const struct hs_datagram_header *header);
/* 0, -EMSGSIZE (too short or too long), -EPROTO (no magic, or not as this version writes it),
 * -ENOTSUP (another major). */
int hs_datagram_get_header(struct hs_view             datagram,
                           struct hs_datagram_header *header) HS_MUST_CHECK;

/* Writes a body, news entry by entry. */
struct hs_datagram_writer {
    struct hs_writer out;
    size_t           section_at; /* of the open section; 0: none */
    uint8_t          section;
};

void hs_datagram_start(struct hs_datagram_writer *writer, void *memory, size_t capacity_bytes,
                       const struct hs_datagram_message *message);
/* false: it does not fit whole, and nothing was written. Entries of one kind, one after another,
 * share a section. A claim without a port is written without its facts. */
bool hs_datagram_put_claim(struct hs_datagram_writer *writer, const struct hs_claim *claim,
                           bool is_old);
bool hs_datagram_put_health(struct hs_datagram_writer *writer, const struct hs_health_entry *entry);
bool hs_datagram_put_coordinate(struct hs_datagram_writer  *writer,
                                const struct hs_coordinate *coordinate);
/* Which key ring the sender holds. */
bool hs_datagram_put_keyring(struct hs_datagram_writer *writer, uint32_t mark);
/* Of a message from XPROBE on, at once after its start; it must fit. */
void hs_datagram_put_content(struct hs_datagram_writer *writer, struct hs_view content);
/* hs_federation_put_verdict has written them. */
bool   hs_datagram_put_verdicts(struct hs_datagram_writer *writer, struct hs_view verdicts);
size_t hs_datagram_left_bytes(const struct hs_datagram_writer *writer);
/* A label (identity.h), or an empty one; false: it is none, or something hides behind its end. */
bool hs_datagram_get_label(struct hs_reader *in, char label[HS_IDENTITY_LABEL_BYTES]);
/* The bytes of the body. */
size_t hs_datagram_finish(struct hs_datagram_writer *writer);

/* 0, or -EPROTO: the message itself is not there, not whole, or not of that type; or the body is
 * longer than any. */
int hs_datagram_decode(struct hs_view body, enum hs_datagram_type type,
                       struct hs_datagram *datagram) HS_MUST_CHECK;

#endif
